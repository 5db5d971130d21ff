package peoplesim

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The methods that are served, by their names in the API.
const (
	Get                 = "people.get"
	BatchGet            = "people.getBatchGet"
	UpdateContact       = "people.updateContact"
	UpdateContactPhoto  = "people.updateContactPhoto"
	BatchUpdateContacts = "people.batchUpdateContacts"
)

// discoveryJSON is Google's description of the API, as it ships with the Go client; a test holds it against the
// client's, byte for byte.
//
//go:embed people-api.json
var discoveryJSON []byte

// discovery is what every request is checked against: methods, parameters, messages and field masks.
type discovery struct {
	methods []*method
	fields  fieldTable
	person  *schema
	photo   *schema
	batch   *schema
}

// method is one endpoint.
type method struct {
	name       string // such as people.updateContact
	rpc        string // such as google.people.v1.PeopleService.UpdateContact
	verb       string
	prefix     string // of the path, before the resource name's last part
	suffix     string // of the path, after it
	named      bool   // the path has a resource name
	mutates    bool
	parameters map[string]parameter // of the query, the API's global ones among them
	response   *schema
}

// parameter is one name of the query.
type parameter struct {
	Location string   `json:"location"`
	Repeated bool     `json:"repeated"`
	Enum     []string `json:"enum"`
	Type     string   `json:"type"`
	Text     string   `json:"description"`
}

// document is the part of Google's file that is read.
type document struct {
	Parameters map[string]parameter  `json:"parameters"`
	Schemas    map[string]schemaJSON `json:"schemas"`
	Resources  struct {
		People struct {
			Methods map[string]struct {
				HTTPMethod string               `json:"httpMethod"`
				FlatPath   string               `json:"flatPath"`
				Parameters map[string]parameter `json:"parameters"`
				Response   schemaJSON           `json:"response"`
			} `json:"methods"`
		} `json:"people"`
	} `json:"resources"`
}

// loadDiscovery reads the embedded file once for the process: it never changes, and model tests make thousands of
// simulators.
var loadDiscovery = sync.OnceValue(func() *discovery {
	var doc document
	if err := json.Unmarshal(discoveryJSON, &doc); err != nil {
		panic(fmt.Sprintf("peoplesim: the embedded discovery document: %v", err))
	}
	schemas := make(map[string]*schema)
	d := &discovery{
		person: compileSchema("Person", doc.Schemas, schemas),
		photo:  compileSchema("UpdateContactPhotoRequest", doc.Schemas, schemas),
		batch:  compileSchema("BatchUpdateContactsRequest", doc.Schemas, schemas),
	}
	for _, name := range []string{Get, BatchGet, UpdateContact, UpdateContactPhoto, BatchUpdateContacts} {
		d.methods = append(d.methods, compileMethod(name, &doc, schemas))
	}
	update := doc.Resources.People.Methods["updateContact"].Parameters
	d.fields = newFieldTable(validValues(update["personFields"].Text), validValues(update["updatePersonFields"].Text))
	return d
})

func compileMethod(name string, doc *document, schemas map[string]*schema) *method {
	short := strings.TrimPrefix(name, "people.")
	m, ok := doc.Resources.People.Methods[short]
	if !ok {
		panic("peoplesim: the embedded discovery document has no method " + name)
	}
	rpc := map[string]string{"get": "GetPerson", "getBatchGet": "GetPeople"}[short]
	if rpc == "" {
		rpc = strings.ToUpper(short[:1]) + short[1:]
	}
	prefix, suffix, named := strings.Cut("/"+m.FlatPath, "{peopleId}")
	parameters := maps.Clone(doc.Parameters)
	for name, p := range m.Parameters {
		if p.Location == "query" {
			parameters[name] = p
		}
	}
	return &method{
		name: name, rpc: "google.people.v1.PeopleService." + rpc, verb: m.HTTPMethod,
		prefix: prefix, suffix: suffix, named: named, mutates: m.HTTPMethod != "GET", parameters: parameters,
		response: compileSchema(m.Response.Ref, doc.Schemas, schemas),
	}
}

// match reports whether a request is for this method, and which resource its path names.
func (m *method) match(verb, path string) (resource string, ok bool) {
	if verb != m.verb {
		return "", false
	}
	if !m.named {
		return "", path == m.prefix
	}
	id, ok := strings.CutPrefix(path, m.prefix)
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, m.suffix)
	if !ok || id == "" || strings.ContainsAny(id, "/:") {
		return "", false
	}
	return "people/" + id, true
}

// validValues reads the list that ends the description of a mask: "… Valid values are: * addresses * urls".
func validValues(text string) []string {
	_, list, _ := strings.Cut(text, "Valid values are: * ")
	values := strings.Split(list, " * ")
	slices.Sort(values)
	return values
}
