package worker

import (
	"slices"
	"testing"

	"github.com/contactrelay/contactrelay/internal/people"
)

func TestRetryCausesNamesEveryFactThatTimeMayCure(t *testing.T) {
	for _, kind := range people.Kinds() {
		tries := &tries{}
		tries.begin(noon)
		v := judge(&people.Error{Kind: kind}, tries, limits, true, noon)
		if named := slices.Contains(RetryCauses(), kind.String()); named != (v.wait > 0) {
			t.Errorf("%s is named: %v, is waited for: %v", kind, named, v.wait)
		}
	}
}

func TestPauseCausesNamesEveryCause(t *testing.T) {
	for _, kind := range people.Kinds() {
		if cause := causeOf(&people.Error{Kind: kind}); !slices.Contains(PauseCauses(), cause) {
			t.Errorf("%s, of %s, is not named", cause, kind)
		}
	}
}
