package pubsubsim

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Faults are what goes wrong, all off when zero. Probabilities are from 0 to 1. When they strike follows from
// Config.Seed and the order of the calls.
type Faults struct {
	// Duplicate is the probability that a delivery is repeated although it was not failed: at once, right behind
	// itself, or within two seconds as a redelivery, with all that was delivered after it in its key.
	Duplicate float64 `json:"duplicate"`
	// LostAck is the probability, per message, that an acknowledgement gets lost. Either it never counts, so that
	// those after it in its key are out of order and dropped; or it does, also for them, until the lease runs out,
	// and then all of them come again.
	LostAck float64 `json:"lost_ack"`
	// AckFailure is the probability that a request to acknowledge, to nack or to extend fails with UNAVAILABLE,
	// without effect.
	AckFailure float64 `json:"ack_failure"`
	// CutStream is the probability, per response, that a stream ends with UNAVAILABLE, in half of the cases before
	// the response arrives.
	CutStream float64 `json:"cut_stream"`
	// CutStreamEvery ends each stream with UNAVAILABLE when it is so old; 0: never.
	CutStreamEvery Duration `json:"cut_stream_every"`
	// SlowRedelivery is added to the time before a redelivery.
	SlowRedelivery Duration `json:"slow_redelivery"`
	// PublishLost is the probability that a publish call fails with UNAVAILABLE and stores nothing.
	PublishLost float64 `json:"publish_lost"`
	// PublishUnconfirmed is the probability that a publish call fails with UNAVAILABLE although it stored everything.
	PublishUnconfirmed float64 `json:"publish_unconfirmed"`
	// PublishDenied takes the permission to publish from everybody: publish calls fail with PERMISSION_DENIED.
	PublishDenied bool `json:"publish_denied"`
	// Receive is the error of all calls that receive or acknowledge; running streams end with it.
	Receive ReceiveFault `json:"receive"`
}

// ReceiveFault is a reason why nobody can receive.
type ReceiveFault string

// The reasons. The client library takes both for permanent.
const (
	ReceiveWorks     ReceiveFault = ""
	PermissionDenied ReceiveFault = "permission_denied"
	NotFound         ReceiveFault = "not_found"
)

// Duration is a time.Duration that is text like "1.5s" in JSON.
type Duration time.Duration

// MarshalText returns the form of time.Duration.String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText takes what time.ParseDuration takes.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Faults returns what goes wrong at present.
func (b *Broker) Faults() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}

// SetFaults replaces what goes wrong. InvalidArgument: a probability or a time is out of range, or the reason unknown.
func (b *Broker) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = f
	for _, s := range sortedValues(b.subscriptions) {
		if err := f.receiveError(s.name); err != nil {
			s.endStreams(err)
		}
		for _, st := range s.streams {
			st.setCut(f.CutStreamEvery)
		}
	}
	return nil
}

func (f Faults) check() error {
	for name, p := range map[string]float64{
		"duplicate": f.Duplicate, "lost_ack": f.LostAck, "ack_failure": f.AckFailure, "cut_stream": f.CutStream,
		"publish_lost": f.PublishLost, "publish_unconfirmed": f.PublishUnconfirmed,
	} {
		if !(p >= 0 && p <= 1) {
			return errRange(name, p, 0, 1)
		}
	}
	if f.CutStreamEvery < 0 || f.SlowRedelivery < 0 {
		return status.Error(codes.InvalidArgument, "cut_stream_every and slow_redelivery cannot be negative.")
	}
	switch f.Receive {
	case ReceiveWorks, PermissionDenied, NotFound:
		return nil
	}
	return status.Errorf(codes.InvalidArgument, "receive cannot be %q.", f.Receive)
}

// receiveError is what a subscriber to the named subscription is told.
func (f Faults) receiveError(name string) error {
	switch f.Receive {
	case PermissionDenied:
		return status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	case NotFound:
		return errNotFound(name)
	default:
		return nil
	}
}
