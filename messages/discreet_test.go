package messages

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// variants are the texts that body becomes when one of its values, at any depth, is another one.
func variants(t *testing.T, body []byte, others []any) []string {
	t.Helper()
	var root any
	if err := json.Unmarshal(body, &root); err != nil {
		t.Fatal(err)
	}
	var texts []string
	var visit func(v any, put func(any))
	visit = func(v any, put func(any)) {
		for _, other := range others {
			put(other)
			text, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		put(v)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				visit(v[name], func(other any) { v[name] = other })
			}
		case []any:
			for i := range v {
				visit(v[i], func(other any) { v[i] = other })
			}
		}
	}
	visit(root, func(other any) { root = other })
	return texts
}

func TestNoErrorContainsAValue(t *testing.T) {
	const word, number = "Zq7secret", 4179000111
	phrase := word + " " + strconv.Itoa(number)
	others := []any{
		word, number, phrase, []any{word, phrase, number}, map[string]any{phrase: phrase},
		map[string]any{strconv.Itoa(number): nil}, map[string]any{"people/" + word + "/x": map[string]any{"names": word}},
	}
	refused := 0
	check := func(text string, err error) {
		e, ok := errors.AsType[*Error](err)
		if err == nil || !ok {
			return
		}
		refused++
		shown := e.Error() + strings.Join(e.Fields(), " ")
		if strings.Contains(shown, word) || strings.Contains(shown, strconv.Itoa(number)) {
			t.Errorf("%v\nof %s", err, text)
		}
	}
	for _, ex := range examples(t) {
		for _, text := range variants(t, ex.body, others) {
			_, err := Decode(message(ex.typ, text), Limits{})
			check(text, err)
			_, err = Decode(message(ex.typ, text[:len(text)-1]), Limits{})
			check(text, err)
			_, _, err = ParseRecord([]byte(`{"user":"user-1","type":"`+string(ex.typ)+`","body":`+text+`}`), Limits{})
			check(text, err)
		}
		record := []byte(`{"user":"user-1","type":"patch","id":"1","source":"crm","body":` + string(ex.body) + `}`)
		for _, text := range variants(t, record, others) {
			_, _, err := ParseRecord([]byte(text), Limits{})
			check(text, err)
		}
		for _, name := range []string{
			AttrType, AttrSpecVersion, AttrContentType, AttrReplayLetter, AttrReplayMessageID, AttrReplayPublishTime, AttrReplayCount,
		} {
			m := message(ex.typ, string(ex.body))
			m.Attributes[name] = phrase
			_, err := Decode(m, Limits{})
			check(name, err)
		}
	}
	if refused < 1000 {
		t.Errorf("only %d errors were seen", refused)
	}
}
