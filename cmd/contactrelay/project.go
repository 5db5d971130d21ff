package main

import (
	"context"
	"os"
	"regexp"
	"strings"

	"golang.org/x/oauth2/google"
)

// project is the Google Cloud project of topics and subscriptions.
type project struct {
	Project string `help:"Google Cloud project. Default: that of the credentials; demo with PUBSUB_EMULATOR_HOST." env:"CONTACTRELAY_PROJECT,GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
}

// pubsubScope is what Pub/Sub's credentials are asked for.
const pubsubScope = "https://www.googleapis.com/auth/pubsub"

// resolve finds the project where it is not given, and notes what is wrong with it and with what leads to Pub/Sub.
func (p *project) resolve(ctx context.Context, f *settingFaults) {
	if p.Project == "" {
		p.Project = os.Getenv("GOOGLE_CLOUD_PROJECT") // kong stops at CONTACTRELAY_PROJECT even where that is empty
	}
	if host := os.Getenv("PUBSUB_EMULATOR_HOST"); host != "" {
		checkVariableAddress(f, "PUBSUB_EMULATOR_HOST", host)
		if p.Project == "" {
			p.Project = "demo"
		}
	} else {
		p.fromCredentials(ctx, f)
	}
	f.require(p.Project == "" || validProject(p.Project), "project",
		"must be the ID of a project: 6 to 30 lower-case letters, digits and hyphens, a letter first")
}

// fromCredentials finds the project where it is not given. A key file that cannot be used is a fault in any case.
func (p *project) fromCredentials(ctx context.Context, f *settingFaults) {
	const variable = "GOOGLE_APPLICATION_CREDENTIALS"
	if p.Project != "" && os.Getenv(variable) == "" {
		return // the client finds the credentials by itself, maybe by asking a metadata server
	}
	credentials, err := google.FindDefaultCredentials(ctx, pubsubScope)
	switch {
	case err != nil && os.Getenv(variable) != "":
		f.variable(variable, "%v", err)
		f.require(p.Project != "", "project", "not given, and the credentials that would name one cannot be used")
	case p.Project != "":
	case err != nil:
		f.add("project", "not given, and there are no credentials that name one: %v", err)
	default:
		p.Project = credentials.ProjectID
		f.require(p.Project != "", "project", "not given, and the credentials name none")
	}
}

// fullName makes "projects/P/topics/T" of a topic's ID; what is a full name already stays. kind is the plural.
func (p *project) fullName(kind, id string) string {
	if strings.HasPrefix(id, "projects/") {
		return id
	}
	return "projects/" + p.Project + "/" + kind + "/" + id
}

var (
	// projectID is what Google takes for the ID of a project; the oldest ones have a domain and a colon before it.
	// https://cloud.google.com/resource-manager/docs/creating-managing-projects
	projectID = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	// projectNumber serves in full names as well.
	projectNumber = regexp.MustCompile(`^[0-9]+$`)
	// emulatorProject is whatever can stand in a full name: emulators do not look at it.
	emulatorProject = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:._-]*$`)
	// resourceID is the ID of a topic or a subscription. https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
	resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

func validProject(name string) bool {
	if os.Getenv("PUBSUB_EMULATOR_HOST") != "" {
		return emulatorProject.MatchString(name)
	}
	return projectID.MatchString(name) || projectNumber.MatchString(name)
}

// checkName notes a fault of a flag that names a topic or a subscription, by its ID or in full. kind is the plural.
func checkName(f *settingFaults, flag, kind, name string) {
	if rest, full := strings.CutPrefix(name, "projects/"); full {
		parts := strings.Split(rest, "/")
		if len(parts) != 3 || !validProject(parts[0]) || parts[1] != kind {
			f.add(flag, "must be an ID or projects/PROJECT/%s/ID", kind)
			return
		}
		name = parts[2]
	}
	f.require(resourceID.MatchString(name) && !strings.HasPrefix(name, "goog"), flag,
		"the ID must be 3 to 255 letters, digits and -_.~+%%, a letter first, and not begin with goog")
}
