package main

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// notDocumented are values that inputs offer although the document of the operation
// lacks them.
var notDocumented = []string{}

// Enums of inputs offer what Zoom takes.
func TestInputsOfferWhatZoomTakes(t *testing.T) {
	shapes, err := readShapes("../../../shared/zoom/shapes")
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the shapes are not at hand, and inputs are not held against them: %v", err)
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
			t.Errorf("%s: an exception for nothing", value)
		}
	}
}
