package peoplesim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// scalar reads a value that is neither a message nor a list.
func (d *decoder) scalar(n *node) error {
	raw, err := d.json.ReadValue()
	if err != nil {
		return err
	}
	if n.field.kind == boolKind {
		n.yes = raw.Kind() == 't'
		if n.yes || raw.Kind() == 'f' {
			return nil
		}
		return d.wrong(n.field.typeName, raw)
	}
	if n.field.kind == int32Kind {
		i, err := strconv.ParseInt(string(raw), 10, 32)
		n.text = strconv.FormatInt(i, 10)
		if err != nil {
			return d.wrong(n.field.typeName, raw)
		}
		return nil
	}
	if raw.Kind() != '"' {
		return d.wrong(n.field.typeName, raw)
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return err
	}
	return d.text(n, text, raw)
}

// text checks what a string stands for.
func (d *decoder) text(n *node, text []byte, raw jsontext.Value) error {
	n.text = string(text)
	switch n.field.kind {
	case enumKind:
		if !slices.Contains(n.field.enum, n.text) {
			return d.wrong(n.field.typeName, raw)
		}
	case timeKind:
		if _, err := time.Parse(time.RFC3339Nano, n.text); err != nil {
			return d.wrong(n.field.typeName, raw)
		}
	case int64Kind:
		if _, err := strconv.ParseInt(n.text, 10, 64); err != nil {
			return d.wrong(n.field.typeName, raw)
		}
	case bytesKind:
		decoded, err := decodeBase64(n.text)
		if err != nil {
			at := d.place()
			return &violation{at, fmt.Sprintf("Invalid value at '%s' (TYPE_BYTES), Base64 decoding failed for %s", at, shorten(raw))}
		}
		n.text = string(decoded)
	}
	return nil
}

// decodeBase64 takes both alphabets, with and without padding, as the service does.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "-_") {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	}
	if len(text)%4 == 0 {
		return base64.StdEncoding.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(text)
}
