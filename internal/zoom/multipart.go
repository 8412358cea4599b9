package zoom

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/textproto"

	"zoomql/internal/zoom/types"
)

// multipartBody returns the multipart/form-data body with a file as its only part, and its
// media type.
func multipartBody(name string, file types.Upload) ([]byte, string, error) {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {mime.FormatMediaType("form-data", map[string]string{"name": name, "filename": file.Name})},
		"Content-Type":        {file.Type},
	})
	if err == nil {
		_, err = part.Write(file.Content)
	}
	if err == nil {
		err = form.Close()
	}
	return buf.Bytes(), form.FormDataContentType(), err
}
