package peoplesim

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// route finds the method; nil if there is none at this path.
func (s *Sim) route(r *http.Request) *call {
	for _, m := range s.discovery.methods {
		if resource, ok := m.match(r.Method, r.URL.Path); ok {
			return &call{method: m, resource: resource, token: token(r)}
		}
	}
	return nil
}

// token gives the bearer token that the request carries, empty without one.
func token(r *http.Request) string {
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(t)
}

// readBody reads one byte over the limit at most.
func (s *Sim) readBody(c *call, r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	var err error
	c.body, err = io.ReadAll(io.LimitReader(r.Body, s.config.MaxBody+1))
	return err
}

// parse checks everything of a request that does not depend on what the service holds.
func (s *Sim) parse(c *call, r *http.Request) (operation, *problem) {
	var err error
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, pageError(http.StatusBadRequest)
	}
	if p := c.method.checkQuery(c.query); p != nil {
		return nil, p
	}
	if text := c.query.Get("fields"); text != "" {
		var p *problem
		if c.selector, p = parseSelector(text, c.method.response); p != nil {
			return nil, p
		}
	}
	if int64(len(c.body)) > s.config.MaxBody {
		return nil, invalid("Request payload size exceeds the limit: %d bytes.", s.config.MaxBody)
	}
	if p := checkContentType(r, c.body); p != nil {
		return nil, p
	}
	switch c.method.name {
	case UpdateContact:
		return s.parseUpdate(c)
	case UpdateContactPhoto:
		return s.parsePhoto(c)
	case BatchUpdateContacts:
		return s.parseBatch(c)
	}
	return s.parseRead(c)
}

func checkContentType(r *http.Request, body []byte) *problem {
	given := r.Header.Get("Content-Type")
	if given == "" || len(body) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(given); err != nil || kind != "application/json" {
		return invalid("Invalid content type %q: the body must be application/json.", given)
	}
	return nil
}
