package main

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// notDocumented are values of inputs that the document of the operation lacks.
var notDocumented = []string{}

// Enums of inputs have only values that Zoom documents.
func TestOffered_onlyDocumentedValues(t *testing.T) {
	shapes, err := readShapes("../../../shared/zoom/shapes")
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the shapes are missing, so inputs are not compared with them: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, compared := offered(schemaOf(t), shapes)
	if compared < 40 {
		t.Errorf("%d fields were compared", compared)
	}
	for _, value := range got {
		if !slices.Contains(notDocumented, value) {
			t.Errorf("%s: Zoom does not document it", value)
		}
	}
	for _, value := range notDocumented {
		if !slices.Contains(got, value) {
			t.Errorf("%s: the exception is not needed", value)
		}
	}
}
