package messages

import (
	"mime"
	"strconv"
	"time"
)

// The attributes of a message: those of CloudEvents 1.0 in the Pub/Sub binding's binary mode, and those that the
// replay of a dead letter adds. Of the optional ones, ce-time and ce-subject are not looked at.
const (
	AttrType        = "ce-type"
	AttrID          = "ce-id"
	AttrSource      = "ce-source"
	AttrTime        = "ce-time"
	AttrSpecVersion = "ce-specversion"
	AttrContentType = "Content-Type"

	AttrReplayLetter      = "replay-letter"
	AttrReplayMessageID   = "replay-message-id"
	AttrReplayPublishTime = "replay-publish-time"
	AttrReplayCount       = "replay-count"
	AttrReplaySeenEtag    = "replay-seen-etag"
)

const (
	specVersion = "1.0"
	contentType = "application/json"

	// fieldUser is what an error calls the ordering key: its name in Pub/Sub's own JSON.
	fieldUser = "orderingKey"
)

const (
	ruleRequired = "required"
	ruleNotEmpty = "must not be empty"
)

// Replay is what a replayed dead letter carries of the message that it was.
type Replay struct {
	Letter      string    // the letter's own ID
	MessageID   string    // the original message's Pub/Sub ID
	PublishTime time.Time // when the original was published, UTC
	Count       int       // how often it has been replayed, this time included: 1 or more

	// SeenEtag is the etag of the contact over which an operator decided to write a photo, which has none itself: what
	// changed the contact before that is not in its way. Empty if nobody did.
	SeenEtag string
}

// AddTo sets the replay attributes: four, and the etag if there is one.
func (r *Replay) AddTo(attributes map[string]string) {
	attributes[AttrReplayLetter] = r.Letter
	attributes[AttrReplayMessageID] = r.MessageID
	attributes[AttrReplayPublishTime] = r.PublishTime.UTC().Format(time.RFC3339Nano)
	attributes[AttrReplayCount] = strconv.Itoa(r.Count)
	if r.SeenEtag != "" {
		attributes[AttrReplaySeenEtag] = r.SeenEtag
	}
}

// Replay is what m carries of the letter that it replays, and nil if it carries none of the attributes. If it carries
// some but not all four of them as they must be, the error is an [*Error]. It looks at nothing else, so that it
// also serves for messages that Decode refuses.
func (m Message) Replay() (*Replay, error) {
	var f faults
	r := m.replay(&f)
	if err := f.err(Invalid); err != nil {
		return nil, err
	}
	return r, nil
}

func (m Message) replay(f *faults) *Replay {
	names := [...]string{AttrReplayLetter, AttrReplayMessageID, AttrReplayPublishTime, AttrReplayCount}
	missing := make([]string, 0, len(names))
	for _, name := range names {
		if _, ok := m.Attributes[name]; !ok {
			missing = append(missing, name)
		}
	}
	if _, ok := m.Attributes[AttrReplaySeenEtag]; len(missing) == len(names) && !ok {
		return nil
	}
	for _, name := range missing {
		f.add(name, ruleRequired+" in a replay")
	}

	r := &Replay{
		Letter: m.Attributes[AttrReplayLetter], MessageID: m.Attributes[AttrReplayMessageID], SeenEtag: m.Attributes[AttrReplaySeenEtag],
	}
	m.checkNotEmpty(f, AttrReplaySeenEtag)
	m.checkNotEmpty(f, AttrReplayLetter)
	m.checkNotEmpty(f, AttrReplayMessageID)
	if v, ok := m.Attributes[AttrReplayPublishTime]; ok {
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			f.add(AttrReplayPublishTime, "must be a time of RFC 3339")
		}
		r.PublishTime = t.UTC()
	}
	if v, ok := m.Attributes[AttrReplayCount]; ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || strconv.Itoa(n) != v {
			f.add(AttrReplayCount, "must be a whole number from 1")
		}
		r.Count = n
	}
	return r
}

// checkAttributes checks the user and all attributes but the type, and returns the replay that they tell of.
func (m Message) checkAttributes(f *faults) *Replay {
	if m.OrderingKey == "" {
		f.add(fieldUser, ruleRequired+": it is the user whose contacts change")
	}
	m.checkNotEmpty(f, AttrID)
	m.checkNotEmpty(f, AttrSource)
	if v, ok := m.Attributes[AttrSpecVersion]; ok && v != specVersion {
		f.add(AttrSpecVersion, "must be "+specVersion)
	}
	if v, ok := m.Attributes[AttrContentType]; ok && v != contentType {
		// Parameters change nothing: JSON is UTF-8 whatever a charset says.
		if media, _, err := mime.ParseMediaType(v); err != nil || media != contentType {
			f.add(AttrContentType, "must be "+contentType)
		}
	}
	return m.replay(f)
}

func (m Message) checkNotEmpty(f *faults, name string) {
	if v, ok := m.Attributes[name]; ok && v == "" {
		f.add(name, ruleNotEmpty)
	}
}

// attributes is what a producer sends with the change: all that the contract knows of it but the body.
func (c *Change) attributes() map[string]string {
	attributes := map[string]string{
		AttrType:        string(c.Type),
		AttrSpecVersion: specVersion,
		AttrContentType: contentType,
	}
	if c.ID != "" {
		attributes[AttrID] = c.ID
	}
	if c.Source != "" {
		attributes[AttrSource] = c.Source
	}
	if c.Replay != nil {
		c.Replay.AddTo(attributes)
	}
	return attributes
}
