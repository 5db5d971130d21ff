package peoplesim

import "net/http"

// problem is the answer of a fault that answers with an error.
func (f *Fault) problem(m *method) *problem {
	switch f.Kind {
	case Unavailable:
		return &problem{code: codes.unavailable, message: "The service is currently unavailable."}
	case BadGateway:
		return pageError(http.StatusBadGateway)
	case GatewayTimeout:
		return &problem{code: codes.deadline, message: "Deadline expired before operation could complete."}
	case UserQuota, ProjectQuota:
		return f.quotaProblem(m)
	case AccountQuota:
		return accountQuota()
	case TooConcurrent:
		return tooConcurrent()
	case ServiceDisabled:
		return serviceDisabled()
	case ScopeMissing:
		return scopeMissing(m)
	case Forbidden:
		return notPermitted()
	case Revoked:
		return revoked(m)
	}
	return internalError()
}

func (f *Fault) quotaProblem(m *method) *problem {
	const limit = 90 // seen, per user and minute
	var b breach
	switch {
	case f.Kind == UserQuota && m.mutates:
		b = userWrites
	case f.Kind == UserQuota:
		b = userReads
	case m.mutates:
		b = projectWrites
	default:
		b = projectReads
	}
	p := b.problem(limit)
	if f.Code == http.StatusForbidden {
		return p.asForbidden()
	}
	return p
}

// realm is what the service challenges with.
const realm = `Bearer realm="https://accounts.google.com/"`

// credentialsText ends the texts of a 401.
const credentialsText = "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
	"See https://developers.google.com/identity/sign-in/web/devconsole-project."

// unauthenticated is the 401 for a call without a token.
func unauthenticated(m *method) *problem {
	return &problem{
		code: codes.unauthenticated, message: "Request is missing required authentication credential. " + credentialsText,
		challenge: realm, details: []any{errorInfo("CREDENTIALS_MISSING", calledMethod(m))},
	}
}

// revoked is the 401 for a token that is no longer good.
func revoked(m *method) *problem {
	return &problem{
		code: codes.unauthenticated, message: "Request had invalid authentication credentials. " + credentialsText,
		challenge: realm + `, error="invalid_token"`, details: []any{errorInfo("ACCESS_TOKEN_EXPIRED", calledMethod(m))},
	}
}

// scopeMissing is the 403 for a grant that does not cover contacts.
func scopeMissing(m *method) *problem {
	p := &problem{
		code: codes.permissionDenied, message: "Request had insufficient authentication scopes.",
		challenge: realm + `, error="insufficient_scope", scope="https://www.googleapis.com/auth/contacts"`,
		details:   []any{errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", calledMethod(m))},
	}
	p.reason = "insufficientPermissions"
	return p
}

func calledMethod(m *method) map[string]string {
	return map[string]string{"method": m.rpc, "service": "people.googleapis.com"}
}

// serviceDisabled is the 403 for a project in which the API is not enabled.
func serviceDisabled() *problem {
	const console = "https://console.developers.google.com/apis/api/people.googleapis.com/overview?project=" + projectNumber
	p := &problem{
		code: codes.permissionDenied, domain: "usageLimits",
		message: "People API has not been used in project " + projectNumber + " before or it is disabled. Enable it by visiting " +
			console + " then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		details: []any{
			map[string]any{"@type": "type.googleapis.com/google.rpc.Help", "links": []any{
				map[string]any{"description": "Google developers console API activation", "url": console},
			}},
			errorInfo("SERVICE_DISABLED", map[string]string{
				"service": "people.googleapis.com", "consumer": "projects/" + projectNumber,
			}),
		},
	}
	p.reason = "accessNotConfigured"
	return p
}
