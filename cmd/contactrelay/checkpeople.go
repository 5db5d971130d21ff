package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/worker"
)

// nobody is a contact that does not exist: that it is not found shows that the API answers, and takes the user's token
// for contacts.
const nobody = "people/c0"

// lookAtPeople signs the user in and asks the People API for a contact.
func (c *checkCommand) lookAtPeople(ctx context.Context, f *findings) error {
	if c.User == "" {
		f.skipped("credentials and People API", "give a user whose contacts may be read: --user")
		return nil
	}
	if len(c.AllowUsers) > 0 {
		f.require(worker.Allows(c.AllowUsers, c.User), "the user is allowed", "changes for the user would be dead-lettered as forbidden",
			"give the user, or the user's domain, in --allow-users")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	reach := people.Config{Endpoint: c.PeopleEndpoint}
	c.sign(&reach)
	if c.tokens != nil {
		if _, err := c.tokens.Token(ctx, c.User); err != nil {
			f.wrong("a token for the user", err.Error(), "see the README, \"Sign users in\"")
			f.skipped("People API", "there is no token")
			return nil
		}
	}
	f.good("a token for the user")
	client, err := people.New(ctx, reach)
	if err != nil {
		return fmt.Errorf("prepare the People API: %w", err)
	}
	defer client.Close()
	_, err = client.Get(ctx, c.User, nobody, people.Read{Fields: "metadata"})
	fact, _ := errors.AsType[*people.Error](err)
	switch {
	case err == nil, fact != nil && fact.Kind == people.NotFound:
		f.good("the token's scope for contacts")
		f.good("People API")
	case fact != nil && fact.Kind == people.ScopeMissing:
		f.wrong("the token's scope for contacts", err.Error(), "grant https://www.googleapis.com/auth/contacts")
	case fact != nil && fact.Kind == people.ServiceDisabled:
		f.wrong("People API", err.Error(), "gcloud services enable people.googleapis.com")
	default:
		f.wrong("People API", err.Error(), mendPeople(fact))
	}
	return nil
}

// mendPeople is what can be done where the People API does not answer well; empty for what it is not known to say.
func mendPeople(fact *people.Error) string {
	if fact == nil {
		return ""
	}
	switch fact.Kind {
	case people.Network:
		return "see whether the API, or --people-endpoint, can be reached from this machine"
	case people.Unavailable, people.Internal:
		return "nothing is wrong here: the service is not well, the worker waits for it"
	case people.GrantRefused:
		return "give a user who can be signed in: --user"
	case people.UserQuota, people.ProjectQuota, people.AccountQuota:
		return "a quota is used up: see the project's quotas of the People API"
	}
	return ""
}
