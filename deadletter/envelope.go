package deadletter

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// gzipEnvelope is the one value of dl-encoding: the data are an envelope.
//
// An envelope is the original in gzip: a line of JSON with what stands beside its body (see header), a line feed, and
// the body byte for byte. By hand: `gunzip | head -1` shows the attributes, `gunzip | tail -n +2` the body.
const gzipEnvelope = "gzip-envelope"

const (
	// maxBody is how much of a body an envelope holds: all of any message that Pub/Sub delivers.
	maxBody = 10_000_000
	// maxOpened bounds what an envelope unpacks to, so that a forged one does not fill the memory of its reader: a
	// body and, for 100 attributes of the longest kind with every byte escaped, a header of at most 0.8 MB.
	maxOpened = 16 << 20
)

// header is what an envelope holds beside the body.
type header struct {
	OrderingKey string            `json:"orderingKey,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
}

// seal puts an original into an envelope. It fails if no reader would open it again.
func seal(o Original) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line) // it ends the line
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(header{o.OrderingKey, o.Attributes}); err != nil {
		return nil, err
	}
	if line.Len()+len(o.Data) > maxOpened {
		return nil, errors.New("the envelope is too large")
	}
	var sealed bytes.Buffer
	// The fastest level is enough: what brings a photo under the limit is the coding of base64 in 6 bits a byte.
	w, err := gzip.NewWriterLevel(&sealed, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(line.Bytes()); err != nil {
		return nil, err
	}
	if _, err := w.Write(o.Data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

// open undoes seal. Errors wrap [ErrDamaged].
func open(sealed []byte) (h header, body []byte, err error) {
	r, err := gzip.NewReader(bytes.NewReader(sealed))
	if err != nil {
		return h, nil, fmt.Errorf("%w: the envelope is not gzip", ErrDamaged)
	}
	opened, err := io.ReadAll(io.LimitReader(r, maxOpened+1))
	if err != nil {
		return h, nil, fmt.Errorf("%w: the envelope is cut or altered", ErrDamaged)
	}
	if len(opened) > maxOpened {
		return h, nil, fmt.Errorf("%w: the envelope unpacks to more than %d bytes", ErrDamaged, maxOpened)
	}
	line, body, found := bytes.Cut(opened, []byte("\n"))
	if !found || json.Unmarshal(line, &h) != nil {
		return h, nil, fmt.Errorf("%w: the header of the envelope", ErrDamaged)
	}
	return h, body, nil
}
