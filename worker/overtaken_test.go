package worker

import (
	"maps"
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// letterOf is a letter of a message that was published at a time, published again.
func letterOf(m messages.Message, published time.Time) messages.Message {
	attributes := maps.Clone(m.Attributes)
	(&messages.Replay{Letter: "letter", MessageID: "original", PublishTime: published, Count: 1}).AddTo(attributes)
	return messages.Message{Attributes: attributes, Data: m.Data}
}

// TestAReplayIsNotOvertakenByItsOwnWrite loses the answer to the write of a replay that nothing guards: the contact was
// changed since the original was published then, but by the replay itself.
func TestAReplayIsNotOvertakenByItsOwnWrite(t *testing.T) {
	photo := message(messages.Photo, map[string]any{"resourceName": "people/c1", "photoBytes": onePixel})
	for want, m := range map[string]messages.Message{"already_applied": overwrite("people/c1", "replayed"), "applied": photo} {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 1)
			time.Sleep(time.Minute)
			published := time.Now()
			w.fail(peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 1, Calls: 1,
				Methods: []string{"people.updateContact", "people.updateContactPhoto"}})
			time.Sleep(time.Minute)
			w.publish(ann, letterOf(m, published))
			w.start()
			time.Sleep(time.Minute)
			w.check(map[string]int{want: 1})
		})
	}
}

// TestAReplayNeedsTheMemoryOfEachOfItsFields has one field of a replay changed by this worker before, and the other by
// hand since.
func TestAReplayNeedsTheMemoryOfEachOfItsFields(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.start()
		w.publish(ann, overwrite("people/c1", "older"))
		time.Sleep(time.Minute)
		published := time.Now()
		time.Sleep(time.Minute)
		must(t, w.people.HandEdit(ann, "people/c1", &peopleapi.Person{Nicknames: []*peopleapi.Nickname{{Value: "typed"}}}, "nicknames"))
		w.publish(ann, letterOf(message(messages.Patch, map[string]any{
			"person": map[string]any{
				"resourceName": "people/c1",
				"names":        []any{map[string]any{"givenName": "replayed"}}, "nicknames": []any{map[string]any{"value": "replayed"}},
			},
			"updatePersonFields": "names,nicknames", "precondition": "latest",
		}), published))
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1, "etag_conflict": 1})
		if c, _ := w.people.Contact(ann, "people/c1"); c.Person().Nicknames[0].Value != "typed" {
			t.Error("the replay wrote over what was typed since it was published")
		}
	})
}
