package tokensim

import (
	"crypto/rsa"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// assertionForm is the form of an assertion with these claims.
func assertionForm(t *testing.T, c claims, key *rsa.PrivateKey) url.Values {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {token}}
}

func goodClaims() claims {
	now := time.Now()
	return claims{delegate, ann, ContactsScope, tokenURL, now.Unix(), now.Add(time.Hour).Unix()}
}

func TestAnAssertionIsVerified(t *testing.T) {
	s, stranger := known(), newKey()
	s.DeleteUser("gone@example.com")
	hour := int64(time.Hour / time.Second)
	for name, c := range map[string]struct {
		change func(*claims)
		code   string
		says   string
	}{
		"good":                     {func(*claims) {}, "", ""},
		"no issuer":                {func(c *claims) { c.Issuer = "" }, "invalid_grant", "account not found"},
		"another issuer":           {func(c *claims) { c.Issuer = "x@example.com" }, "invalid_grant", "account not found"},
		"another audience":         {func(c *claims) { c.Audience = "https://example.com" }, "invalid_grant", "audience"},
		"longer than an hour":      {func(c *claims) { c.Expires++ }, "invalid_grant", "short-lived"},
		"no end":                   {func(c *claims) { c.Expires = 0 }, "invalid_grant", "short-lived"},
		"ends before it begins":    {func(c *claims) { c.Expires = c.Issued - 1 }, "invalid_grant", "short-lived"},
		"no begin":                 {func(c *claims) { c.Issued = 0 }, "invalid_grant", "short-lived"},
		"a clock that is ahead":    {func(c *claims) { c.Issued += hour; c.Expires += hour }, "invalid_grant", "short-lived"},
		"a clock that is behind":   {func(c *claims) { c.Issued -= 2 * hour; c.Expires -= 2 * hour }, "invalid_grant", "short-lived"},
		"a clock a little behind":  {func(c *claims) { c.Issued -= 60; c.Expires -= 60 }, "", ""},
		"a user of another domain": {func(c *claims) { c.Subject = "ann@example.net" }, "unauthorized_client", "unauthorized"},
		"a deleted user":           {func(c *claims) { c.Subject = "gone@example.com" }, "invalid_grant", "Invalid email or User ID"},
		"no address":               {func(c *claims) { c.Subject = "ann" }, "invalid_grant", "Not a valid email"},
		"no subject":               {func(c *claims) { c.Subject = "" }, "invalid_grant", "Not a valid email"},
		"another scope":            {func(c *claims) { c.Scope += " https://www.googleapis.com/auth/calendar" }, "unauthorized_client", "scopes"},
		"no scope":                 {func(c *claims) { c.Scope = "" }, "invalid_scope", ""},
	} {
		claims := goodClaims()
		c.change(&claims)
		token, _, code, description := exchange(t, s, assertionForm(t, claims, testKey()))
		if code != c.code || !strings.Contains(description, c.says) || (token == "") != (code != "") {
			t.Errorf("%s: got %q, %q, want %q, %q", name, code, description, c.code, c.says)
		}
		if user, state := s.Check(token); token != "" && (user != ann || state != Good) {
			t.Errorf("%s: the token is that of %q, state %d", name, user, state)
		}
	}
	if _, _, code, description := exchange(t, s, assertionForm(t, goodClaims(), stranger)); code != "invalid_grant" || description != "Invalid JWT Signature." {
		t.Errorf("another key: got %q, %q", code, description)
	}
	for _, assertion := range []string{"", "x", "a.b.c", "e30.e30.e30"} {
		if _, _, code, _ := exchange(t, s, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}); code != "invalid_grant" {
			t.Errorf("%q: got %q", assertion, code)
		}
	}
}

func TestIAMSignsForThoseWhoMay(t *testing.T) {
	s := known()
	const at = "https://" + SignHost + "/v1/projects/-/serviceAccounts/"
	ask := func(delegate string, c any) (int, map[string]any) {
		payload, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(map[string]string{"payload": string(payload)})
		if err != nil {
			t.Fatal(err)
		}
		return post(t, s, at+delegate+":signJwt", "application/json", string(body))
	}
	status, answer := ask(delegate, goodClaims())
	token, _ := answer["signedJwt"].(string)
	if status != 200 || !verified(token, &testKey().PublicKey) || s.Calls(ann).Sign != 1 {
		t.Errorf("status %d, %v", status, answer)
	}
	if verified(token, &newKey().PublicKey) {
		t.Error("the signature is that of any key")
	}
	late := goodClaims()
	late.Expires += 13 * 3600
	s.AddDelegate("other@demo.iam.gserviceaccount.com", testKey())
	for name, c := range map[string]struct {
		delegate string
		payload  any
		status   int
	}{
		"too late an end":  {delegate, late, 400},
		"no claims":        {delegate, "x", 400},
		"another delegate": {"other@demo.iam.gserviceaccount.com", goodClaims(), 403},
		"unknown delegate": {"none@demo.iam.gserviceaccount.com", goodClaims(), 404},
	} {
		if status, _ := ask(c.delegate, c.payload); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
	}
	s.AllowSigning(signer, "")
	delete(s.signers, signer)
	if status, _ := ask(delegate, goodClaims()); status != 401 {
		t.Errorf("an unknown caller: status %d, want 401", status)
	}
}
