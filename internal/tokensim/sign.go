package tokensim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What IAM says.
const (
	signDeniedText = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist)."
	noAccountText  = "Not found; Gaia id not found for email"
)

// sign signs what the bearer of a token asks for, if the bearer may. IAM looks at nothing in it but its end.
func (s *Sim) sign(authorization, delegate string, body []byte) answer {
	var request struct {
		Payload string `json:"payload"`
	}
	var c claims
	readable := json.Unmarshal(body, &request) == nil && json.Unmarshal([]byte(request.Payload), &c) == nil
	key, a := s.mayActAs(authorization, delegate, c.Subject)
	switch {
	case key == nil:
		return a
	case !readable:
		return apiError(http.StatusBadRequest, "INVALID_ARGUMENT", "Request contains an invalid argument.", "")
	case time.Unix(c.Expires, 0).After(time.Now().Add(12 * time.Hour)):
		return apiError(http.StatusBadRequest, "INVALID_ARGUMENT", "The exp claim must be at most 12 hours in the future.", "")
	}
	signed, err := signed([]byte(request.Payload), key)
	if err != nil {
		return apiError(http.StatusInternalServerError, "INTERNAL", "Internal error encountered.", "")
	}
	return jsonAnswer(http.StatusOK, map[string]string{"keyId": keyID, "signedJwt": signed})
}

// mayActAs returns the key of a delegate, or why the bearer of a token gets nothing signed.
func (s *Sim) mayActAs(authorization, delegate, user string) (*rsa.PrivateKey, answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(user, Calls{Sign: 1})
	if a, struck := s.strike(signing, user); struck {
		return nil, a
	}
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	mayFor, known := s.signers[token]
	account := s.accounts[delegate]
	switch {
	case !ok || !known:
		return nil, apiError(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "")
	case account == nil:
		return nil, apiError(http.StatusNotFound, "NOT_FOUND", noAccountText, "")
	case mayFor != delegate:
		return nil, apiError(http.StatusForbidden, "PERMISSION_DENIED", signDeniedText, "IAM_PERMISSION_DENIED")
	}
	return account.key, answer{}
}

// keyID is that of every key: each account has one.
const keyID = "simulated-key"

// signed is a payload with its signature.
func signed(payload []byte, key *rsa.PrivateKey) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","kid":"`+keyID+`","typ":"JWT"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + encode(signature), err
}

// KeyFile is the JSON key of a service account, as the console gives it out.
func KeyFile(address string, key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("the key of a service account: %w", err)
	}
	return json.Marshal(map[string]string{
		"type": "service_account", "project_id": "simulated", "private_key_id": keyID, "client_email": address,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokenURL,
	})
}
