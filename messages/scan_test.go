package messages

import (
	"strings"
	"testing"
)

func TestWhatIsNotOneJSONTextIsMalformed(t *testing.T) {
	good := bodyOf(t, "patch-names")
	cases := []struct{ name, body, rule string }{
		{"nothing", "", "empty"},
		{"white space", " \n\t", "empty"},
		{"half", `{"person":{"names":[`, "not JSON at byte 20"},
		{"no value", `{"person":}`, "not JSON at byte 10"},
		{"a comma too much", `{"person":{},}`, "not JSON at byte 12"},
		{"single quotes", `{'person':{}}`, "not JSON at byte 1"},
		{"a name that is no string", `{1:2}`, "not JSON at byte 1"},
		{"the wrong bracket", `{"person":{]}`, "not JSON at byte 11"},
		{"a word", `{"person":nul}`, "not JSON at byte 13"},
		{"a byte order mark", "\ufeff" + good, "not JSON at byte 0"},
		{"half a surrogate pair", `{"person":{"etag":"\ud83d"}}`, "not JSON at byte 19"},
		{"a control character", "{\"person\":{\"etag\":\"\x01\"}}", "not JSON at byte 19"},
		{"gzip", "\x1f\x8b\x08\x00", "not UTF-8"},
		{"Latin-1 in a string", "{\"person\":{\"etag\":\"\xe9\"}}", "not UTF-8"},
		{"Latin-1 behind the text", good + "\xe9", "not UTF-8"},
		{"a second text", good + `{}`, "data after the JSON value"},
		{"a stray bracket", good + `}`, "data after the JSON value"},
		{"a NUL", good + "\x00", "data after the JSON value"},
		{"101 deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested more than 100 deep"},
		{"101 deep in a known place", `{"person":{"names":` + strings.Repeat(`{"":`, 99) + `1` + strings.Repeat(`}`, 101), "nested more than 100 deep"},
		{"100,000 deep", strings.Repeat("[", 100_000), "nested more than 100 deep"},
		{"a fault of the other kind first", `{"person":null,"x":1,`, "not JSON at byte 21"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(message(Patch, tt.body), Limits{})
			wantError(t, err, Malformed, Fault{"", tt.rule})
		})
	}
}

func TestADepthOf100IsStillLookedInto(t *testing.T) {
	_, err := Decode(message(Patch, `{"x":`+strings.Repeat("[", 99)+strings.Repeat("]", 99)+`}`), Limits{})
	wantError(t, err, Invalid, Fault{"x", "unknown name"})
}

func TestDeepNestingIsCheap(t *testing.T) {
	m := message(Patch, strings.Repeat(`{"person":`, 100_000))
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := Decode(m, Limits{}); err == nil {
			t.Error("decoded")
		}
	})
	if allocs > 150 {
		t.Errorf("%v allocations, want no more than the 101 levels that are read need", allocs)
	}
}

func TestEveryDeviationFromTheTypesIsNamed(t *testing.T) {
	const null = "null is not allowed: leave the name out"
	phone := "0041000000000"
	cases := []struct {
		name, body string
		faults     []Fault
	}{
		{"another text than an object", `[1]`, []Fault{{"", "must be an object"}}},
		{"null", `null`, []Fault{{"", null}}},
		{"a string", `"x"`, []Fault{{"", "must be an object"}}},
		{"unknown name", `{"persons":{}}`, []Fault{{"persons", "unknown name"}}},
		{"names are case-sensitive", `{"Person":{}}`, []Fault{{"Person", "unknown name"}}},
		{"unknown name within", `{"person":{"names":[{},{"given_name":"x"}]}}`, []Fault{{"person.names[1].given_name", "unknown name"}}},
		{"an unknown name that can be a value", `{"person":{"` + phone + `":1,"a b":1,"":1}}`, []Fault{{"person.?", "unknown name"}}},
		{"an unknown name that is too long", `{"` + strings.Repeat("x", 65) + `":1}`, []Fault{{"?", "unknown name"}}},
		{"below an unknown name", `{"x":{"y":null,"y":[null]}}`, []Fault{{"x", "unknown name"}}},
		{"what the Go client keeps for itself", `{"person":{"ForceSendFields":[],"NullFields":[],"ServerResponse":{},"HTTPStatusCode":1,"Header":{},"-":1}}`, []Fault{
			{"person.?", "unknown name"}, {"person.ForceSendFields", "unknown name"}, {"person.HTTPStatusCode", "unknown name"},
			{"person.Header", "unknown name"}, {"person.NullFields", "unknown name"}, {"person.ServerResponse", "unknown name"},
		}},
		{"twice", `{"person":{},"person":{}}`, []Fault{{"person", "given twice"}}},
		{"twice within", `{"person":{"names":[{"givenName":"x","givenName":"x"}]}}`, []Fault{{"person.names[0].givenName", "given twice"}}},
		{"twice, once with an escape", `{"person":{"etag":"x","\u0065tag":"x"}}`, []Fault{{"person.etag", "given twice"}}},
		{"null within", `{"person":{"names":null,"urls":[{},null]}}`, []Fault{{"person.names", null}, {"person.urls[1]", null}}},
		{"object for array", `{"person":{"names":{"` + phone + `":null}}}`, []Fault{{"person.names", "must be an array"}}},
		{"array for object", `{"person":[]}`, []Fault{{"person", "must be an object"}}},
		{"number for string", `{"updatePersonFields":1}`, []Fault{{"updatePersonFields", "must be a string"}}},
		{"string for boolean", `{"person":{"names":[{"metadata":{"primary":"true"}}]}}`, []Fault{{"person.names[0].metadata.primary", "must be true or false"}}},
		{"string for integer", `{"person":{"birthdays":[{"date":{"day":"1"}}]}}`, []Fault{{"person.birthdays[0].date.day", "must be an integer of 64 bits"}}},
		{"fraction", `{"person":{"birthdays":[{"date":{"day":1.0}}]}}`, []Fault{{"person.birthdays[0].date.day", "must be an integer of 64 bits"}}},
		{"exponent", `{"person":{"birthdays":[{"date":{"day":1e0}}]}}`, []Fault{{"person.birthdays[0].date.day", "must be an integer of 64 bits"}}},
		{"65 bits", `{"person":{"birthdays":[{"date":{"day":9223372036854775808}}]}}`, []Fault{{"person.birthdays[0].date.day", "must be an integer of 64 bits"}}},
		{"list of strings", `{"sources":["x",1]}`, []Fault{{"sources[1]", "must be a string"}}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(message(Patch, tt.body), Limits{})
			wantError(t, err, Invalid, tt.faults...)
		})
	}
}

func TestKeysOfABatchAreShownOnlyIfTheyAreResourceNames(t *testing.T) {
	body := `{"contacts":{
		"people/c1":{"x":1},
		"people/c2":null,"people/c2":{},
		"first@example.com":{"names":1},
		"people/` + strings.Repeat("1", 122) + `":{"urls":1}
	}}`
	_, err := Decode(message(Batch, body), Limits{})
	wantError(t, err, Invalid,
		Fault{"contacts[?].names", "must be an array"},
		Fault{"contacts[?].urls", "must be an array"},
		Fault{"contacts[people/c1].x", "unknown name"},
		Fault{"contacts[people/c2]", "given twice"},
		Fault{"contacts[people/c2]", "null is not allowed: leave the name out"},
	)
}

func TestMoreThan100000ObjectsAreNotLookedInto(t *testing.T) {
	names := func(n int) Message {
		return message(Patch, patchWith(`"names":[`+strings.Repeat("{},", n-1)+`{}]`, `"updatePersonFields":"urls"`))
	}
	const others = 4 // the body, the person, its metadata and the source in it
	if _, err := Decode(names(100_000-others), Limits{}); err != nil {
		t.Error(err)
	}
	_, err := Decode(names(100_001-others), Limits{})
	wantError(t, err, Invalid, Fault{"", "more than 100000 objects"})
}
