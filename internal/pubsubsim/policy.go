package pubsubsim

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// policyService is google.iam.v1.IAMPolicy over a broker: who asks may do anything, but what a fault forbids.
type policyService struct {
	iampb.UnimplementedIAMPolicyServer

	broker *Broker
}

func (p *policyService) TestIamPermissions(
	_ context.Context, r *iampb.TestIamPermissionsRequest,
) (*iampb.TestIamPermissionsResponse, error) {
	var err error
	if strings.Contains(r.GetResource(), "/topics/") {
		_, err = p.broker.Topic(r.GetResource())
	} else {
		_, err = p.broker.Subscription(r.GetResource())
	}
	if err != nil {
		return nil, err
	}
	faults := p.broker.Faults()
	allowed := slices.DeleteFunc(slices.Clone(r.GetPermissions()), func(permission string) bool {
		return faults.Receive == PermissionDenied && permission == "pubsub.subscriptions.consume" ||
			faults.PublishDenied && permission == "pubsub.topics.publish"
	})
	return &iampb.TestIamPermissionsResponse{Permissions: allowed}, nil
}
