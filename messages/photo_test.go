package messages

import (
	"encoding/base64"
	"strings"
	"testing"
)

const jpegHead, pngHead = "\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n"

func photoOf(photoBytes string) string {
	return `{"resourceName":"people/c1","photoBytes":"` + photoBytes + `"}`
}

// brokenPhotos has each rule of photoBytes, broken once.
func brokenPhotos() []broken {
	std := base64.StdEncoding.EncodeToString
	photo := func(name, photoBytes, rule string) broken {
		return broken{"photo: " + name, Photo, photoOf(photoBytes), []Fault{{"photoBytes", rule}}, false}
	}
	const notBase64, noPicture = "must be base64", "must be JPEG or PNG by its first bytes"
	big := photo("over the limit", std([]byte(jpegHead+strings.Repeat("x", 5<<20-3))), "must be at most 5242880 bytes")
	big.beyondSchema = true
	return []broken{
		photo("empty", "", "required"),
		{"photo: missing", Photo, `{"resourceName":"people/c1"}`, []Fault{{"photoBytes", "required"}}, false},
		photo("padding alone", "====", notBase64),
		photo("one digit too many", "/9j/A", notBase64),
		photo("padding that is not needed", "/9j/====", notBase64),
		photo("half the padding", "/9j/4A=", notBase64),
		photo("too much padding", "/9j/4A===", notBase64),
		photo("padding within", "/9j/4A==/9j/", notBase64),
		photo("a line break", `/9j/\n4AAA`, notBase64),
		photo("a space", "/9j/ 4AA", notBase64),
		photo("both alphabets", "/9j/__AA", notBase64),
		photo("a data URL", "data:image/jpeg;base64,/9j/", notBase64),
		photo("two bytes of JPEG", std([]byte(jpegHead[:2])), noPicture),
		photo("seven bytes of PNG", std([]byte(pngHead[:7])), noPicture),
		photo("seven bytes of PNG and another", std([]byte(pngHead[:7]+"\r\n")), noPicture),
		photo("GIF", std([]byte("GIF89a......")), noPicture),
		photo("WebP", std([]byte("RIFF....WEBPVP8 ")), noPicture),
		photo("text", std([]byte("a text that is no picture")), noPicture),
		big,
	}
}

func TestEachBrokenRuleOfAPhotoIsInvalid(t *testing.T) {
	for _, tt := range brokenPhotos() {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(message(Photo, tt.body), Limits{})
			wantError(t, err, Invalid, tt.faults...)
		})
	}
}

func TestAPhotoMayBeInEitherAlphabetPaddedOrNot(t *testing.T) {
	for _, head := range []string{jpegHead, pngHead} {
		for _, tail := range []string{"", "\xfb", "\xfb\xff", "\xfb\xff\xbf", strings.Repeat("\xfb\xff\xbf", 50)} {
			for _, encoding := range []*base64.Encoding{
				base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
			} {
				photoBytes := encoding.EncodeToString([]byte(head + tail))
				c, err := Decode(message(Photo, photoOf(photoBytes)), Limits{})
				if err != nil {
					t.Errorf("%s: %v", photoBytes, err)
					continue
				}
				if c.Photo.PhotoBytes != photoBytes {
					t.Errorf("got %s, want it as it was given: %s", c.Photo.PhotoBytes, photoBytes)
				}
				if err := schemaError(t, Photo, photoOf(photoBytes)); err != nil {
					t.Errorf("%s: the schema: %v", photoBytes, err)
				}
			}
		}
	}
}

func TestThreeBytesAreEnoughOfAJPEG(t *testing.T) {
	if _, err := Decode(message(Photo, photoOf("/9j/")), Limits{}); err != nil {
		t.Error(err)
	}
}

func TestTheSizeOfAPhotoIsThatOfItsBytes(t *testing.T) {
	for size := 10; size < 16; size++ {
		photo := []byte(jpegHead + strings.Repeat("x", size-len(jpegHead)))
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
			m := message(Photo, photoOf(encoding.EncodeToString(photo)))
			if _, err := Decode(m, Limits{MaxPhotoBytes: size}); err != nil {
				t.Errorf("%d bytes, a limit of as many: %v", size, err)
			}
			_, err := Decode(m, Limits{MaxPhotoBytes: size - 1})
			e, ok := err.(*Error)
			if !ok || !strings.Contains(e.Error(), "photoBytes: must be at most") {
				t.Errorf("%d bytes, a limit of one less: %v", size, err)
			}
		}
	}
}

func TestABigPhotoThatIsNoneBreaksBothRules(t *testing.T) {
	_, err := Decode(message(Photo, photoOf(strings.Repeat("!", 16))), Limits{MaxPhotoBytes: 11})
	wantError(t, err, Invalid, Fault{"photoBytes", "must be at most 11 bytes"}, Fault{"photoBytes", "must be base64"})
}
