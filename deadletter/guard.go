package deadletter

import (
	"cmp"

	people "google.golang.org/api/people/v1"
)

// goneEtag stands for the etag of a contact that is not there to have one. The contract wants one, and whatever it is
// the service answers that the contact is gone.
const goneEtag = "#gone"

// guardedBy is the members of a person that say which etag guards its write: that of the source alone.
func guardedBy(etag string) (ofPerson string, metadata *people.PersonMetadata) {
	return "", &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT", Etag: cmp.Or(etag, goneEtag)}}}
}
