package peoplesim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Bodies of the tables below: good ones but for what a case is about.
const (
	updatePath = "/v1/people/c1:updateContact?updatePersonFields=names"
	photoPath  = "/v1/people/c1:updateContactPhoto"
	batchPath  = "/v1/people:batchUpdateContacts"
)

// guard is the metadata that makes an update of a freshly seeded c1 good.
func guard() string {
	return `"metadata":{"sources":[{"type":"CONTACT","etag":"` + SourceEtag(c1, FirstVersion) + `"}]}`
}

func TestTheDocumentedRefusals(t *testing.T) {
	const update = "/v1/people/c1:updateContact?updatePersonFields="
	const docs = "https://developers.google.com/people/api/rest/v1/people/"
	tooMany := make([]string, 201)
	for i := range tooMany {
		tooMany[i] = fmt.Sprintf(`"people/c%d":{%s}`, i+1, guard())
	}
	for name, c := range map[string]struct{ verb, target, body, status, message string }{
		"no update mask": {"PATCH", "/v1/people/c1:updateContact", `{` + guard() + `}`, "INVALID_ARGUMENT",
			"updatePersonFields mask is required. Please specify one or more valid paths. Valid paths are documented at " + docs + "updateContact."},
		"photos in the update mask": {"PATCH", update + "photos", `{` + guard() + `}`, "INVALID_ARGUMENT",
			`Invalid updatePersonFields mask path: "photos". Valid paths are documented at ` + docs + "updateContact."},
		"one bad path among good ones": {"PATCH", update + "names,photos", `{` + guard() + `}`, "INVALID_ARGUMENT",
			`Invalid updatePersonFields mask path: "photos".`},
		"metadata in the update mask":  {"PATCH", update + "metadata", `{` + guard() + `}`, "INVALID_ARGUMENT", `Invalid updatePersonFields mask path: "metadata".`},
		"a sub-path in the mask":       {"PATCH", update + "names.givenName", `{` + guard() + `}`, "INVALID_ARGUMENT", `Invalid updatePersonFields mask path: "names.givenName".`},
		"an empty path in the mask":    {"PATCH", update + "names,", `{` + guard() + `}`, "INVALID_ARGUMENT", `Invalid updatePersonFields mask path: "".`},
		"a mask that is JSON":          {"PATCH", update + "%22names%22", `{` + guard() + `}`, "INVALID_ARGUMENT", `Invalid value at 'update_person_fields' (type.googleapis.com/google.protobuf.FieldMask), Field 'update_person_fields', Invalid FieldMask '"names"'.`},
		"an unreadable path":           {"PATCH", update + "names&personFields=taglines", `{` + guard() + `}`, "INVALID_ARGUMENT", `Invalid personFields mask path: "taglines".`},
		"no etag":                      {"PATCH", update + "names", `{"names":[{"givenName":"X"}]}`, "INVALID_ARGUMENT", noEtagText},
		"a CONTACT source, no etag":    {"PATCH", update + "names", `{"metadata":{"sources":[{"type":"CONTACT"}]}}`, "INVALID_ARGUMENT", noEtagText},
		"only a PROFILE source's etag": {"PATCH", update + "names", `{"metadata":{"sources":[{"type":"PROFILE","etag":"#x"}]}}`, "INVALID_ARGUMENT", noEtagText},
		"an empty body":                {"PATCH", update + "names", ``, "INVALID_ARGUMENT", noEtagText},
		"an etag without a source":     {"PATCH", update + "names", `{"etag":"%x"}`, "INVALID_ARGUMENT", noSourceText},
		"two names":                    {"PATCH", update + "names", `{` + guard() + `,"names":[{"givenName":"X"},{"givenName":"Y"}]}`, "INVALID_ARGUMENT", "Cannot have more than one person.names per source."},
		"two biographies":              {"PATCH", update + "biographies", `{` + guard() + `,"biographies":[{"value":"X"},{"value":"Y"}]}`, "INVALID_ARGUMENT", "Cannot have more than one person.biographies per source."},
		"two birthdays":                {"PATCH", update + "birthdays", `{` + guard() + `,"birthdays":[{"text":"X"},{"text":"Y"}]}`, "INVALID_ARGUMENT", "Cannot have more than one person.birthdays per source."},
		"two genders":                  {"PATCH", update + "genders", `{` + guard() + `,"genders":[{"value":"X"},{"value":"Y"}]}`, "INVALID_ARGUMENT", "Cannot have more than one person.genders per source."},
		"no memberships":               {"PATCH", update + "memberships", `{` + guard() + `}`, "INVALID_ARGUMENT", noGroupText},
		"a membership of no group":     {"PATCH", update + "memberships", `{` + guard() + `,"memberships":[{"contactGroupMembership":{"contactGroupId":"x"}}]}`, "INVALID_ARGUMENT", noGroupText},
		"an update of people/me":       {"PATCH", "/v1/people/me:updateContact?updatePersonFields=names", `{` + guard() + `}`, "INVALID_ARGUMENT", `Resource name "people/me" is not a valid contact person resource.`},
		"an update of a profile":       {"PATCH", "/v1/people/117:updateContact?updatePersonFields=names", `{` + guard() + `}`, "INVALID_ARGUMENT", `Resource name "people/117" is not a valid contact person resource.`},
		"another name in the body":     {"PATCH", update + "names", `{` + guard() + `,"resourceName":"people/c2"}`, "INVALID_ARGUMENT", `Request person.resource_name "people/c2" does not match the resource name of the URL.`},
		"an update of what is gone":    {"PATCH", "/v1/people/c99:updateContact?updatePersonFields=names", `{` + guard() + `}`, "NOT_FOUND", "Requested entity was not found."},

		"a photo of people/me": {"PATCH", "/v1/people/me:updateContactPhoto", `{"photoBytes":"AAAA"}`, "INVALID_ARGUMENT", `Resource name "people/me" is not a valid contact person resource.`},
		"no photo":             {"PATCH", photoPath, `{}`, "INVALID_ARGUMENT", "Request must set photo_bytes."},
		"an empty photo":       {"PATCH", photoPath, `{"photoBytes":""}`, "INVALID_ARGUMENT", "Request must set photo_bytes."},
		"a photo not base64":   {"PATCH", photoPath, `{"photoBytes":"!"}`, "INVALID_ARGUMENT", `Invalid value at 'photo_bytes' (TYPE_BYTES), Base64 decoding failed for "!"`},
		"a GIF":                {"PATCH", photoPath, `{"photoBytes":"R0lGODlhAQABAAAAACw="}`, "INVALID_ARGUMENT", "Invalid photo format"},
		"a JPEG's magic only":  {"PATCH", photoPath, `{"photoBytes":"/9j/4AAQ"}`, "INVALID_ARGUMENT", "Invalid photo format"},
		"a PNG's magic only":   {"PATCH", photoPath, `{"photoBytes":"iVBORw0KGgo="}`, "INVALID_ARGUMENT", "Invalid photo format"},
		"a bad photo mask":     {"PATCH", photoPath, `{"photoBytes":"AAAA","personFields":"x"}`, "INVALID_ARGUMENT", `Invalid personFields mask path: "x". Valid paths are documented at ` + docs + "updateContactPhoto."},

		"a batch without a mask":     {"POST", batchPath, `{"contacts":{"people/c1":{` + guard() + `}},"readMask":"names"}`, "INVALID_ARGUMENT", "updateMask mask is required."},
		"a batch with a bad mask":    {"POST", batchPath, `{"contacts":{"people/c1":{` + guard() + `}},"updateMask":"photos"}`, "INVALID_ARGUMENT", `Invalid updateMask mask path: "photos". Valid paths are documented at ` + docs + "batchUpdateContacts."},
		"a batch with a bad readout": {"POST", batchPath, `{"contacts":{"people/c1":{` + guard() + `}},"updateMask":"names","readMask":"etag"}`, "INVALID_ARGUMENT", `Invalid readMask mask path: "etag".`},
		"a batch of none":            {"POST", batchPath, `{"contacts":{},"updateMask":"names"}`, "INVALID_ARGUMENT", "Request must set contacts."},
		"a batch of 201":             {"POST", batchPath, `{"contacts":{` + strings.Join(tooMany, ",") + `},"updateMask":"names"}`, "INVALID_ARGUMENT", "Request must not have more than 200 contacts."},
		"a key that is another's":    {"POST", batchPath, `{"contacts":{"people/c1":{"resourceName":"people/c2"}},"updateMask":"names"}`, "INVALID_ARGUMENT", `Request contacts key "people/c1" does not match its person.resource_name "people/c2".`},

		"a get without a mask":        {"GET", "/v1/people/c1", "", "INVALID_ARGUMENT", "personFields mask is required. Please specify one or more valid paths. Valid paths are documented at " + docs + "get."},
		"a batch get without a mask":  {"GET", "/v1/people:batchGet?resourceNames=people/c1", "", "INVALID_ARGUMENT", "personFields mask is required."},
		"a get with a bad mask":       {"GET", "/v1/people/c1?personFields=names,etag", "", "INVALID_ARGUMENT", `Invalid personFields mask path: "etag".`},
		"a batch get of none":         {"GET", "/v1/people:batchGet?personFields=names", "", "INVALID_ARGUMENT", "Request must set resource_names."},
		"a batch get of 201":          {"GET", "/v1/people:batchGet?personFields=names" + strings.Repeat("&resourceNames=people/c1", 201), "", "INVALID_ARGUMENT", "Request must not have more than 200 resource_names."},
		"a batch get of a bad name":   {"GET", "/v1/people:batchGet?personFields=names&resourceNames=c1", "", "INVALID_ARGUMENT", `Resource name "c1" is not a valid person resource.`},
		"a get of what is not there":  {"GET", "/v1/people/c99?personFields=names", "", "NOT_FOUND", "Requested entity was not found."},
		"a get of somebody's profile": {"GET", "/v1/people/117?personFields=names", "", "NOT_FOUND", "Requested entity was not found."},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, c.verb, c.target, c.body, c.status, c.message) })
	}
}

func TestTheFrontEndRefusesWhatTheDiscoveryDocumentDoesNotDescribe(t *testing.T) {
	const unknown = `Invalid JSON payload received. Unknown name `
	for name, c := range map[string]struct{ verb, target, body, message string }{
		"an unknown parameter":         {"GET", "/v1/people/c1?personFields=names&foo=1", "", unknown + `"foo": Cannot bind query parameter. Field 'foo' could not be found in request message.`},
		"a parameter of another":       {"GET", "/v1/people/c1?personFields=names&updatePersonFields=names", "", unknown + `"updatePersonFields": Cannot bind query parameter.`},
		"a mask in the query of batch": {"POST", batchPath + "?updateMask=names", `{}`, unknown + `"updateMask": Cannot bind query parameter.`},
		"a parameter given twice":      {"GET", "/v1/people/c1?personFields=names&personFields=urls", "", "Invalid value at 'person_fields': the parameter is given 2 times."},
		"an unknown source":            {"GET", "/v1/people/c1?personFields=names&sources=CONTACT", "", `Invalid value at 'sources[0]' (type.googleapis.com/google.people.v1.ReadSourceType), "CONTACT"`},
		"an unknown error format":      {"GET", "/v1/people/c1?personFields=names&$.xgafv=3", "", `Invalid value at '$.xgafv', "3"`},
		"prettyPrint that is no bool":  {"GET", "/v1/people/c1?personFields=names&prettyPrint=no", "", `Invalid value at 'pretty_print' (TYPE_BOOL), "no"`},
		"protocol buffers":             {"GET", "/v1/people/c1?personFields=names&alt=proto", "", "Format proto is not simulated."},
		"an unknown selection":         {"GET", "/v1/people/c1?personFields=names&fields=foo", "", "Error expanding 'fields' parameter. Cannot find matching fields for path 'foo'."},

		"an unknown name":            {"PATCH", updatePath, `{"foo":1}`, unknown + `"foo" at 'person': Cannot find field.`},
		"an unknown name deep down":  {"PATCH", updatePath, `{"names":[{},{"nick":"x"}]}`, unknown + `"nick" at 'person.names[1]': Cannot find field.`},
		"a snake case name":          {"PATCH", updatePath, `{"email_addresses":[]}`, unknown + `"email_addresses" at 'person': Cannot find field.`},
		"a name in another case":     {"PATCH", updatePath, `{"Names":[]}`, unknown + `"Names" at 'person': Cannot find field.`},
		"an unknown name in a batch": {"POST", batchPath, `{"foo":1}`, unknown + `"foo": Cannot find field.`},
		"one in a batch's contact":   {"POST", batchPath, `{"contacts":{"people/c1":{},"people/c2":{"foo":1}}}`, unknown + `"foo" at 'contacts[1].value': Cannot find field.`},
		"a name in the photo's body": {"PATCH", photoPath, `{"resourceName":"people/c1"}`, unknown + `"resourceName": Cannot find field.`},

		"a number for a string":   {"PATCH", updatePath, `{"names":[{"givenName":12}]}`, "Invalid value at 'person.names[0].given_name' (TYPE_STRING), 12"},
		"a string for a number":   {"PATCH", updatePath, `{"birthdays":[{"date":{"year":"1990"}}]}`, `Invalid value at 'person.birthdays[0].date.year' (TYPE_INT32), "1990"`},
		"a number over int32":     {"PATCH", updatePath, `{"birthdays":[{"date":{"year":2147483648}}]}`, "Invalid value at 'person.birthdays[0].date.year' (TYPE_INT32), 2147483648"},
		"a fraction":              {"PATCH", updatePath, `{"birthdays":[{"date":{"year":1.5}}]}`, "Invalid value at 'person.birthdays[0].date.year' (TYPE_INT32), 1.5"},
		"a string for a bool":     {"PATCH", updatePath, `{"organizations":[{"current":"yes"}]}`, `Invalid value at 'person.organizations[0].current' (TYPE_BOOL), "yes"`},
		"an unknown enum":         {"PATCH", updatePath, `{"biographies":[{"contentType":"TEXT"}]}`, `Invalid value at 'person.biographies[0].content_type' (type.googleapis.com/google.people.v1.Biography.ContentType), "TEXT"`},
		"an object for a list":    {"PATCH", updatePath, `{"names":{"givenName":"X"}}`, `Invalid value at 'person.names' (type.googleapis.com/google.people.v1.Name), {"givenName":"X"}`},
		"a list for an object":    {"PATCH", updatePath, `{"metadata":[]}`, "Invalid value at 'person.metadata' (type.googleapis.com/google.people.v1.PersonMetadata), []"},
		"a string for an object":  {"PATCH", updatePath, `{"names":["X"]}`, `Invalid value at 'person.names[0]' (type.googleapis.com/google.people.v1.Name), "X"`},
		"null in a list":          {"PATCH", updatePath, `{"names":[null]}`, "Invalid value at 'person.names[0]' (type.googleapis.com/google.people.v1.Name), null"},
		"a list for the body":     {"PATCH", updatePath, `[]`, "Invalid value at 'person' (type.googleapis.com/google.people.v1.Person), []"},
		"a list for the contacts": {"POST", batchPath, `{"contacts":[]}`, "Invalid value at 'contacts' (type.googleapis.com/google.people.v1.Person), []"},
		"a bad time":              {"PATCH", updatePath, `{"metadata":{"sources":[{"updateTime":"now"}]}}`, `Invalid value at 'person.metadata.sources[0].update_time' (type.googleapis.com/google.protobuf.Timestamp), "now"`},
		"a bad source in a batch": {"POST", batchPath, `{"sources":["CONTACT"]}`, `Invalid value at 'sources[0]' (type.googleapis.com/google.people.v1.ReadSourceType), "CONTACT"`},

		"no JSON":               {"PATCH", updatePath, `{"names":}`, "Invalid JSON payload received. Unexpected token.\n{\"names\":}\n"},
		"an unclosed body":      {"PATCH", updatePath, `{"names":[`, "Invalid JSON payload received. Unexpected token.\n"},
		"data after the body":   {"PATCH", updatePath, `{}{}`, "Invalid JSON payload received. Unexpected token.\n"},
		"a doubled name":        {"PATCH", updatePath, `{"etag":"a","etag":"b"}`, "Invalid JSON payload received. Unexpected token.\n"},
		"text that isn't UTF-8": {"PATCH", updatePath, "{\"etag\":\"\xff\"}", "Invalid JSON payload received. Unexpected token.\n"},
		"a deep nest":           {"PATCH", updatePath, `{"names":` + strings.Repeat("[", 100_000), "Invalid JSON payload received. Unexpected token.\n"},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, c.verb, c.target, c.body, "INVALID_ARGUMENT", c.message) })
	}
}

// refuses sends a request and wants it refused in both styles of error bodies, with nothing written.
func refuses(t *testing.T, verb, target, body, status, message string) {
	t.Helper()
	for _, style := range []string{"plain", "legacy"} {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{Habits: Habits{Errors: style}})
		answer, b := send(t, s, verb, target, body)
		f := parseFailure(t, b)
		code := map[string]int{"INVALID_ARGUMENT": 400, "NOT_FOUND": 404}[status]
		if answer.StatusCode != code || f.Code != code || f.Status != status || !strings.HasPrefix(f.Message, message) {
			t.Errorf("got %d (%d %s) %q, want %d %s %q", answer.StatusCode, f.Code, f.Status, f.Message, code, status, message)
		}
		reason := map[string]string{"INVALID_ARGUMENT": "badRequest", "NOT_FOUND": "notFound"}[status]
		legacy := len(f.Errors) == 1 && f.Errors[0].Reason == reason && f.Errors[0].Domain == "global" && f.Errors[0].Message == f.Message
		if legacy != (style == "legacy") || style == "plain" && f.Errors != nil {
			t.Errorf("in style %s errors is %v", style, f.Errors)
		}
		if w := s.Audit(0); len(w) != 0 {
			t.Errorf("%d writes happened", len(w))
		}
	}
}

func TestTheStandardParametersAreTaken(t *testing.T) {
	s := seeded(t, Config{})
	const query = "?personFields=names&alt=json&prettyPrint=false&key=k&quotaUser=q&callback=c&access_token=a&oauth_token=o&uploadType=media&upload_protocol=raw&$.xgafv=1"
	answer, body := send(t, s, "GET", "/v1/people/c1"+query, "")
	if answer.StatusCode != http.StatusOK {
		t.Errorf("got %d %s, want 200", answer.StatusCode, body)
	}
	if strings.Contains(string(body), "\n") {
		t.Errorf("with prettyPrint=false the body is %q", body)
	}
	_, pretty := send(t, s, "GET", "/v1/people/c1?personFields=names", "")
	if !strings.HasPrefix(string(pretty), "{\n  \"resourceName\": \"people/c1\",\n") {
		t.Errorf("without prettyPrint the body is %q", pretty)
	}
}

func TestARequestCanAskForAnErrorStyle(t *testing.T) {
	s := seeded(t, Config{})
	for style, want := range map[string]int{"1": 1, "2": 0} {
		for range 10 {
			_, body := send(t, s, "GET", "/v1/people/c1?$.xgafv="+style, "")
			if f := parseFailure(t, body); len(f.Errors) != want {
				t.Errorf("with $.xgafv=%s there are %d errors, want %d", style, len(f.Errors), want)
			}
		}
	}
	styles := map[int]bool{}
	for range 50 {
		_, body := send(t, s, "GET", "/v1/people/c1", "")
		styles[len(parseFailure(t, body).Errors)] = true
	}
	if got := slices.Sorted(maps.Keys(styles)); len(got) != 2 {
		t.Errorf("50 refusals came with %v errors[], want both styles", got)
	}
}

func TestABodyMustBeJSONByItsTypeAndNotTooLong(t *testing.T) {
	s := New(Config{MaxBody: 64})
	for _, c := range []struct{ kind, body, message string }{
		{"application/x-www-form-urlencoded", "{}", "Invalid content type"},
		{"application/json; charset=utf-8", strings.Repeat(" ", 65), "Request payload size exceeds the limit: 64 bytes."},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", "http://people.example.com"+updatePath, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+ann)
		r.Header.Set("Content-Type", c.kind)
		answer, err := s.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, _ := answer.Body.Read(b)
		if f := parseFailure(t, b[:n]); f.Code != 400 || !strings.HasPrefix(f.Message, c.message) {
			t.Errorf("a body of type %s: got %d %q, want %q", c.kind, f.Code, f.Message, c.message)
		}
	}
}

func TestACallWithoutATokenIsUnauthenticated(t *testing.T) {
	s := seeded(t, Config{})
	for _, header := range []string{"", "Bearer ", "Bearer"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://people.example.com/v1/people/c1?personFields=names", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		answer, err := s.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("Authorization %q: got %d %v, want 401 and a challenge", header, answer.StatusCode, answer.Header)
		}
	}
	if got := s.Stats().Calls[Get]["401"]; got != 3 {
		t.Errorf("the statistics show %d calls with 401, want 3", got)
	}
}
