package pubsubsim

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxPage is how many resources a list call returns at most.
const maxPage = 1000

// page returns the part of sorted names that a list call asks for, and the token of the next part. The token is the
// last name of the part, so that what is created or deleted in between moves nothing.
func page(names []string, size int32, token string) (part []string, next string, err error) {
	if size < 0 {
		return nil, "", status.Error(codes.InvalidArgument, "The page_size cannot be negative.")
	}
	from, found := slices.BinarySearch(names, token)
	if found {
		from++
	}
	names = names[from:]
	limit := maxPage
	if size > 0 {
		limit = min(maxPage, int(size))
	}
	if len(names) <= limit {
		return names, "", nil
	}
	return names[:limit], names[limit-1], nil
}
