package peoplesim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func photoRequest(data []byte) *people.UpdateContactPhotoRequest {
	return &people.UpdateContactPhotoRequest{PhotoBytes: base64.StdEncoding.EncodeToString(data)}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func TestAPhotoIsWrittenWithoutAnEtagAndTheLastOneWins(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)
	for i, data := range [][]byte{jpegBytes(t), pngBytes(t)} {
		request := photoRequest(data)
		request.PersonFields = "photos,metadata"
		got, err := api.UpdateContactPhoto(c1, request).Do()
		if err != nil {
			t.Fatal(err)
		}
		if c := state(t, s, c1); c.Photo != sum(data) || c.Version != int64(i+2) {
			t.Errorf("the contact is at version %d with photo %s, want %d with %s", c.Version, c.Photo, i+2, sum(data))
		}
		p := got.Person
		if len(p.Photos) != 1 || p.Photos[0].Default || !strings.HasSuffix(p.Photos[0].Url, sum(data)[:16]) || p.Metadata.Sources[0].Etag != SourceEtag(c1, int64(i+2)) {
			t.Errorf("the answer is %+v", p)
		}
	}
	w := s.Audit(0)
	if len(w) != 2 || w[1].Method != UpdateContactPhoto || w[1].Fields[0] != PhotoField || w[1].Hash != sum(pngBytes(t)) {
		t.Errorf("the audit has %+v", w)
	}
	other, err := api.Get(c2).PersonFields("photos").Do()
	if err != nil || len(other.Photos) != 1 || !other.Photos[0].Default {
		t.Errorf("a contact without a photo gives %+v, %v, want the default one", other, err)
	}
}

func TestBothAlphabetsOfBase64AreTaken(t *testing.T) {
	s := seeded(t, Config{})
	data := append(jpegBytes(t), 0xfb, 0xff) // whose base64 has + and /
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		_, err := dial(t, s, ann).UpdateContactPhoto(c1, &people.UpdateContactPhotoRequest{PhotoBytes: e.EncodeToString(data)}).Do()
		if err != nil {
			t.Error(err)
		}
	}
	if c := state(t, s, c1); c.Photo != sum(data) || c.Version != 4 {
		t.Errorf("the contact is at version %d with photo %s", c.Version, c.Photo)
	}
}

func TestAPhotoKeepsTheEtagIfTheHabitSaysSo(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{Habits: Habits{PhotoKeepsEtag: true}})
	api := dial(t, s, ann)
	if _, err := api.UpdateContactPhoto(c1, photoRequest(jpegBytes(t))).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := api.UpdateContact(c1, guarded(c1, 1, named("Ann"))).UpdatePersonFields("names").Do(); err != nil {
		t.Errorf("with the etag of before the photo: %v", err)
	}
	if c := state(t, s, c1); c.Photo != sum(jpegBytes(t)) {
		t.Errorf("the update lost the photo: %+v", c)
	}
}
