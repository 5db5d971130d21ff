package people

// remedies are what the operator can do, by the reason of a fact.
var remedies = map[string]string{
	"SERVICE_DISABLED":    "enable the API in the project of the credentials: gcloud services enable people.googleapis.com",
	"accessNotConfigured": "enable the API in the project of the credentials: gcloud services enable people.googleapis.com",

	"unauthorized_client": "an administrator of the users' domain must grant the delegate's client ID the scope " + contactsScope +
		" (it can take 24 hours), and the users must be of that domain",
	"access_denied":         "an administrator's policy forbids it: Admin console, API controls",
	"admin_policy_enforced": "an administrator's policy forbids it: Admin console, API controls",
	"invalid_jwt":           "the clock of this machine may be wrong, or the delegate does not exist any more",
	"invalid_jwt_signature": "the delegate's key is not valid any more: make a new one",
	"invalid_client":        "the OAuth client or its secret is wrong: compare it with the console's",
	"deleted_client":        "the OAuth client was deleted: make a new one, and new refresh tokens with it",
	"disabled_client":       "the OAuth client is disabled: see the console",
	"org_internal":          "the OAuth client is for users of its own organisation alone: see the console",

	"sign_jwt_refused":         "the worker's account needs roles/iam.serviceAccountTokenCreator on the delegate, which must exist",
	"iam_credentials_disabled": "enable the API that signs: gcloud services enable iamcredentials.googleapis.com",
	"own_account":              "the worker's own account gets no token: see its credentials",

	"secret_unreadable":         "a file with a secret cannot be read",
	"secret_readable_by_others": "a file with a secret can be read or written by others: chmod 600",
	"secret_no_file":            "what should be a file with a secret is none",
	"secret_too_large":          "what should be a file with a secret is too large for one",
	"key_file_unreadable":       "the key file is not the JSON key of a service account",
	"token_file_unreadable":     "the user's token file holds neither authorized_user JSON nor a refresh token",
	"oauth_client_missing":      "there is a refresh token without its client: give --oauth-client-file",
	"oauth_client_unreadable":   "the OAuth client file is not the JSON of a client",
	"letter_case_lost":          "the file system of the tokens does not tell capital letters from small ones",
}

// remedy returns what the operator can do about a fact that is not about one contact; empty where there is nothing.
func (e *Error) remedy() string {
	switch e.Kind {
	case ServiceDisabled, ClientRejected, TokenFailed:
		return remedies[e.Reason]
	}
	return ""
}
