package deadletter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// prefix begins the names of all attributes that are the letter's own.
const prefix = "dl-"

// The attributes of a letter. One that would be empty is left out; counts are always there.
const (
	attrReason       = "dl-reason"
	attrDetail       = "dl-detail"
	attrHTTPStatus   = "dl-http-status"
	attrAPIStatus    = "dl-api-status"
	attrFields       = "dl-fields"
	attrCurrentEtag  = "dl-current-etag"
	attrAttempts     = "dl-attempts"
	attrFirstAttempt = "dl-first-attempt-time"
	attrTime         = "dl-time"
	attrMessageID    = "dl-message-id"
	attrPublishTime  = "dl-publish-time"
	attrSubscription = "dl-subscription"
	attrWorker       = "dl-worker"
	attrLetter       = "dl-letter"
	attrReplays      = "dl-replays"
	attrSplit        = "dl-split"
	attrPart         = "dl-part"
	attrEncoding     = "dl-encoding"
)

// timeFormat is RFC 3339 with all nine digits, so that the times sort as texts.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// attributes returns what the letter says, but for the encoding.
func (l *Letter) attributes() map[string]string {
	attrs := map[string]string{
		attrReason:       string(l.Reason),
		attrDetail:       cut(l.Detail),
		attrAPIStatus:    cut(l.APIStatus),
		attrFields:       cutList(l.Fields),
		attrCurrentEtag:  cut(l.CurrentEtag),
		attrAttempts:     strconv.Itoa(l.Attempts),
		attrFirstAttempt: formatTime(l.FirstAttempt),
		attrTime:         formatTime(l.Time),
		attrMessageID:    cut(l.Original.MessageID),
		attrPublishTime:  formatTime(l.Original.PublishTime),
		attrSubscription: cut(l.Subscription),
		attrWorker:       cut(l.Worker),
		attrLetter:       l.ID,
		attrReplays:      strconv.Itoa(l.Replays),
		attrSplit:        cut(l.Split),
		attrPart:         l.Part,
	}
	if l.HTTPStatus != 0 {
		attrs[attrHTTPStatus] = strconv.Itoa(l.HTTPStatus)
	}
	for name, value := range attrs {
		if value == "" {
			delete(attrs, name)
		}
	}
	return attrs
}

// letterOf reads a letter from the attributes, without its original. An attribute that is absent is zero.
func letterOf(attrs map[string]string) (*Letter, error) {
	var r reader
	l := &Letter{
		Reason:       Reason(attrs[attrReason]),
		Detail:       attrs[attrDetail],
		HTTPStatus:   r.number(attrs, attrHTTPStatus),
		APIStatus:    attrs[attrAPIStatus],
		CurrentEtag:  attrs[attrCurrentEtag],
		Attempts:     r.number(attrs, attrAttempts),
		FirstAttempt: r.time(attrs, attrFirstAttempt),
		Time:         r.time(attrs, attrTime),
		Subscription: attrs[attrSubscription],
		Worker:       attrs[attrWorker],
		ID:           attrs[attrLetter],
		Replays:      r.number(attrs, attrReplays),
		Split:        attrs[attrSplit],
		Part:         attrs[attrPart],
	}
	l.Original.MessageID = attrs[attrMessageID]
	l.Original.PublishTime = r.time(attrs, attrPublishTime)
	if list := attrs[attrFields]; list != "" {
		l.Fields = strings.Split(list, ",")
	}
	if !l.Reason.known() {
		r.fail(attrReason)
	}
	return l, r.err
}

// reader reads values and keeps the first error.
type reader struct{ err error }

func (r *reader) fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: the value of %s", ErrDamaged, name)
	}
}

func (r *reader) number(attrs map[string]string, name string) int {
	value, ok := attrs[name]
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		r.fail(name)
		return 0
	}
	return n
}

func (r *reader) time(attrs map[string]string, name string) time.Time {
	value, ok := attrs[name]
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || formatTime(t) == "" && !t.IsZero() {
		r.fail(name)
		return time.Time{}
	}
	return t.UTC()
}

// formatTime returns a time as it stands in an attribute, "" for none and for one that RFC 3339 has no text for.
func formatTime(t time.Time) string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || 9999 < t.Year() {
		return ""
	}
	return t.Format(timeFormat)
}

// cut returns as much of a value as an attribute holds, in whole characters of UTF-8.
func cut(value string) string {
	value = strings.ToValidUTF8(value, string(utf8.RuneError)) // else no client would take the message
	if len(value) <= maxValue {
		return value
	}
	end := maxValue
	for !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end]
}

// cutList joins as many names with commas as an attribute holds. A first name that alone is too long is cut.
func cutList(names []string) string {
	list := strings.Join(names, ",")
	if len(list) > maxValue {
		if comma := strings.LastIndexByte(list[:maxValue+1], ','); comma > 0 {
			list = list[:comma]
		}
	}
	return cut(list)
}
