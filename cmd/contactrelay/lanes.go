package main

import (
	"net/http"
	"time"
)

// shownLanes is how many lanes are shown, those that wait longest.
const shownLanes = 50

// lanesAnswer is what /lanes answers.
type lanesAnswer struct {
	Working  int         `json:"working"` // users of whom a call is made, or could be
	Waiting  int         `json:"waiting"` // users of whom nothing can go on before some time has passed
	Closed   int         `json:"closed"`  // users of whom what comes is returned, because something before it was
	Messages int         `json:"held_messages"`
	Bytes    int         `json:"held_bytes"`
	Paused   string      `json:"paused,omitempty"` // why nothing but probes is done
	Lanes    []laneShown `json:"lanes"`            // of which nothing was settled for the longest time
}

// laneShown is a user and what is waited for.
type laneShown struct {
	User     string     `json:"user"` // as the log shows it
	Message  string     `json:"message_id"`
	Messages int        `json:"messages"`
	Since    time.Time  `json:"since"`
	Why      string     `json:"why,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
}

// lanes tells who waits, why and until when.
func (h *healthServer) lanes(w http.ResponseWriter, _ *http.Request) {
	t := h.patient.Tally()
	a := lanesAnswer{
		Working: t.Working, Waiting: t.Waiting, Closed: t.Closed, Messages: t.HeldMessages, Bytes: t.HeldBytes, Paused: t.Paused,
		Lanes: []laneShown{},
	}
	for _, s := range h.patient.Stuck(shownLanes) {
		lane := laneShown{User: s.User, Message: s.Message, Messages: s.Messages, Since: s.Since.UTC(), Why: s.Why}
		if !s.Until.IsZero() {
			until := s.Until.UTC()
			lane.Until = &until
		}
		a.Lanes = append(a.Lanes, lane)
	}
	answerJSON(w, http.StatusOK, a)
}
