package messages

import "strconv"

// Identity names the event that m tells of, equal for every copy of it: the letter if m replays one, else source
// and ID if an ID is given, else the Pub/Sub message ID, which only redeliveries share. The three kinds never
// collide, nor do two pairs of source and ID. It needs no body, so that it also serves for messages that Decode
// refuses.
func (m Message) Identity(messageID string) string {
	a := m.Attributes
	return identity(a[AttrReplayLetter], a[AttrSource], a[AttrID], messageID)
}

// Identity is that of the message that c was decoded from, of which messageID is the Pub/Sub ID.
func (c *Change) Identity(messageID string) string {
	letter := ""
	if c.Replay != nil {
		letter = c.Replay.Letter
	}
	return identity(letter, c.Source, c.ID, messageID)
}

func identity(letter, source, id, messageID string) string {
	switch {
	case letter != "":
		return "letter:" + letter
	case id != "":
		// The length tells where the source ends: either part may contain whatever would separate them.
		return "event:" + strconv.Itoa(len(source)) + ":" + source + ":" + id
	}
	return "message:" + messageID
}
