package messages

import "embed"

//go:embed schema/*.schema.json
var schemaFiles embed.FS

// Schema is the JSON Schema (draft 2020-12) of the body of a type; the caller's own copy. It is nil for a type that
// there is not.
//
// What a schema refuses, Decode refuses. Beyond a schema are: names given twice, integers written with a fraction or
// exponent, keys and names of a batch that must be equal, a base of other contacts, the size of a photo.
func Schema(t Type) []byte {
	data, err := schemaFiles.ReadFile("schema/" + t.Short() + ".schema.json")
	if err != nil {
		return nil
	}
	return data
}
