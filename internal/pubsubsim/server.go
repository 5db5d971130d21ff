package pubsubsim

import (
	"net"
	"sync/atomic"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	// maxRequest is what a request may have: 10 MB of messages and what the encoding adds, as the client allows it.
	maxRequest = 20 << 20
	// httpWindow is HTTP/2's flow control: large enough for the largest message, so that none waits for updates.
	httpWindow = 16 << 20
	// pingInterval is how often a client may ask whether the connection lives.
	pingInterval = 5 * time.Second
)

// Server is a broker behind gRPC, without TLS and without credentials, as PUBSUB_EMULATOR_HOST has it.
type Server struct {
	broker   *Broker
	grpc     *grpc.Server
	draining *atomic.Bool
}

// NewServer returns a server for b. It does not own b: whoever made it closes it, after the server.
func NewServer(b *Broker) *Server {
	s := &Server{
		broker: b,
		grpc: grpc.NewServer(
			grpc.MaxRecvMsgSize(maxRequest),
			grpc.MaxSendMsgSize(maxRequest),
			grpc.WaitForHandlers(true),
			grpc.InitialWindowSize(httpWindow),
			grpc.InitialConnWindowSize(httpWindow),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
				MinTime:             pingInterval,
				PermitWithoutStream: true,
			}),
		),
		draining: new(atomic.Bool),
	}
	register(s.grpc, b, s.draining)
	return s
}

// Serve serves on l until it is stopped, then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// Stop closes the listener and all connections at once, as a crash of the service would. What was delivered keeps its
// lease. It returns when all calls have ended.
func (s *Server) Stop() { s.grpc.Stop() }

// GracefulStop ends all streams of the broker with UNAVAILABLE, lets the other calls finish and returns when they have.
func (s *Server) GracefulStop() {
	s.draining.Store(true)
	s.broker.CutStreams()
	s.grpc.GracefulStop()
}

// Register adds b's services (Publisher, Subscriber, IAMPolicy) to a gRPC server of the caller's.
func Register(r grpc.ServiceRegistrar, b *Broker) { register(r, b, new(atomic.Bool)) }

func register(r grpc.ServiceRegistrar, b *Broker, draining *atomic.Bool) {
	pubsubpb.RegisterPublisherServer(r, &publisherService{broker: b})
	pubsubpb.RegisterSubscriberServer(r, &subscriberService{broker: b, draining: draining})
	iampb.RegisterIAMPolicyServer(r, &policyService{broker: b})
}

// unsupported refuses what the package comment leaves out, so that nobody takes its absence for the service's answer.
func unsupported(what string) error {
	return status.Errorf(codes.Unimplemented, "The simulator does not have %s.", what)
}
