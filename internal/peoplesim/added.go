package peoplesim

import (
	"strings"
	"unicode"
)

// appendAdded appends the members that the service adds to a value, as seen in answers of the real one: the
// output-only ones, and, unless outputOnly is set, three that a client could have written but did not:
// names.unstructuredName, addresses.formattedValue (documented) and biographies.contentType.
func appendAdded(b []byte, field string, n *node, outputOnly bool) []byte {
	fill := func(name, text string) {
		if !outputOnly && n.string(name) == "" {
			b = appendMember(b, name, text)
		}
	}
	switch field {
	case "names":
		display, lastFirst := displayNames(n)
		b = appendMember(b, "displayName", display)
		b = appendMember(b, "displayNameLastFirst", lastFirst)
		fill("unstructuredName", display)
	case "addresses":
		fill("formattedValue", formattedAddress(n))
	case "biographies":
		fill("contentType", "TEXT_PLAIN")
	case "genders":
		b = appendMember(b, "formattedValue", shown(n.member("value")))
	case "imClients":
		b = appendMember(b, "formattedProtocol", shown(n.member("protocol")))
	case "phoneNumbers":
		b = appendMember(b, "canonicalForm", canonicalPhone(n.string("value")))
	}
	if _, ok := n.field.message.fields["formattedType"]; ok {
		b = appendMember(b, "formattedType", shown(n.member("type")))
	}
	return b
}

// displayNames gives a name as it is shown, and with the last name first.
func displayNames(n *node) (display, lastFirst string) {
	given, family := n.string("givenName"), n.string("familyName")
	first := joined(" ", n.string("honorificPrefix"), given, n.string("middleName"))
	display = joined(" ", first, family, n.string("honorificSuffix"))
	if display == "" {
		return n.string("unstructuredName"), n.string("unstructuredName")
	}
	return display, joined(", ", family, joined(" ", first, n.string("honorificSuffix")))
}

// formattedAddress puts an address on the lines of a letter.
func formattedAddress(n *node) string {
	return joined("\n",
		n.string("streetAddress"), n.string("extendedAddress"), n.string("poBox"),
		joined(", ", n.string("city"), joined(" ", n.string("region"), n.string("postalCode"))),
		joined("", n.string("country")))
}

// canonicalPhone gives the E.164 form of an international number. Of a national one the service guesses the country,
// or gives up, as here.
func canonicalPhone(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	if !strings.HasPrefix(strings.TrimSpace(number), "+") || len(digits) < 7 || len(digits) > 15 {
		return ""
	}
	return "+" + digits
}

// shown gives a type, protocol or gender as it is shown: homeFax is Home Fax, OUTLOOK_USER is Outlook User. A custom
// one, which is anything that is not camel case, stays as it is.
func shown(n *node) string {
	if n == nil {
		return ""
	}
	if n.field.kind == enumKind {
		words := strings.Split(strings.ToLower(n.text), "_")
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		return strings.Join(words, " ")
	}
	if !camelCase(n.text) {
		return n.text
	}
	var b strings.Builder
	for i, r := range n.text {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		if i == 0 {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func camelCase(text string) bool {
	for i, r := range text {
		if !(r >= 'a' && r <= 'z' || i > 0 && r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return text != ""
}

// joined puts the parts that are not empty together.
func joined(separator string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
