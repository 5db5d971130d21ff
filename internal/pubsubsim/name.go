package pubsubsim

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// deletedTopic is what a subscription shows as its topic when that was deleted.
const deletedTopic = "_deleted-topic_"

// checkTopicName returns InvalidArgument unless name has the form projects/PROJECT/topics/ID.
func checkTopicName(name string) error { return checkName("topics", name) }

// checkSubscriptionName returns InvalidArgument unless name has the form projects/PROJECT/subscriptions/ID.
func checkSubscriptionName(name string) error { return checkName("subscriptions", name) }

func checkName(kind, name string) error {
	parts := strings.Split(name, "/")
	if len(parts) == 4 && parts[0] == "projects" && parts[1] != "" && parts[2] == kind && validID(parts[3]) {
		return nil
	}
	return status.Errorf(codes.InvalidArgument, "Invalid resource name given (name=%s). Refer to "+
		"https://cloud.google.com/pubsub/docs/admin#resource_names for more information.", name)
}

// checkProjectName returns InvalidArgument unless name has the form projects/PROJECT.
func checkProjectName(name string) error {
	project, ok := strings.CutPrefix(name, "projects/")
	if ok && project != "" && !strings.Contains(project, "/") {
		return nil
	}
	return status.Errorf(codes.InvalidArgument, "Invalid project name given (name=%s).", name)
}

// validID reports whether id keeps to the resource name rules: 3 to 255 of the allowed characters, a letter first,
// and not "goog".
func validID(id string) bool {
	if len(id) < 3 || len(id) > 255 || strings.HasPrefix(id, "goog") || !isLetter(id[0]) {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune("-_.~+%", rune(c)) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// splitName returns the project and the ID of a resource name that was checked.
func splitName(name string) (project, id string) {
	parts := strings.Split(name, "/")
	return parts[1], parts[3]
}

func errNotFound(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", shortName(name))
}

func errExists(name string) error {
	return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", shortName(name))
}

func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
