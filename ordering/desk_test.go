package ordering

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// item is what the stories put. A call of several takes the longest work of them.
type item struct {
	id       string // its number in the key
	stream   int
	done     bool     // it was finished before
	contacts []string // none given: one of its own
	nothing  bool     // it touches nothing
	group    string
	bytes    int // 0: 1
	work     time.Duration
	fails    []time.Duration // how long it waits after each call that fails
	lane     time.Duration   // how long the lane waits after each of its calls
}

// desk is the handler of the stories. It keeps a record of what happened.
type desk struct {
	*Lanes[*item]
	mu       sync.Mutex // guards the fields below
	calls    []string   // "key: ids", in the order in which they began
	done     []string   // "key/id", in the order of finishing
	released []string
	returned []string
	running  map[string]int // by key
	peak     int            // handlers at once
	overlaps int            // handlers at once in a key
	asked    []string       // "group contacts", as Take was asked
}

// newDesk returns a desk with lanes that have room for all that a story does, unless change says otherwise.
func newDesk(change func(*Config[*item])) *desk {
	d := &desk{running: map[string]int{}}
	c := Config[*item]{
		MaxItems: 100_000, MaxBytes: 100_000, MaxCalls: 8, GateTimeout: 90 * time.Second, MaxGates: 100,
		Contacts: touched,
		Group:    func(it *item) string { return it.group },
		Take: func(_ string, oldest *item, contacts int) int {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.asked = append(d.asked, fmt.Sprintf("%s %d", oldest.group, contacts))
			return 200
		},
		Handle:  d.handle,
		Release: func(key string, it *item) { d.note(&d.released, key, it) },
		Return:  func(key string, it *item) { d.note(&d.returned, key, it) },
	}
	if change != nil {
		change(&c)
	}
	d.Lanes = New(c)
	return d
}

func touched(it *item) []string {
	switch {
	case it.nothing:
		return nil
	case it.contacts == nil:
		return []string{it.id}
	default:
		return it.contacts
	}
}

func (d *desk) handle(key string, items []*item) []Fate {
	d.mu.Lock()
	d.running[key]++
	if d.running[key] > 1 {
		d.overlaps++
	}
	sum := 0
	for _, n := range d.running {
		sum += n
	}
	d.peak = max(d.peak, sum)
	var ids []string
	var work time.Duration
	for _, it := range items {
		ids = append(ids, it.id)
		work = max(work, it.work)
	}
	d.calls = append(d.calls, key+": "+strings.Join(ids, " "))
	d.mu.Unlock()

	time.Sleep(work)

	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[key]--
	fates := make([]Fate, len(items))
	for i, it := range items {
		fates[i] = d.fate(key, it)
	}
	return fates
}

func (d *desk) fate(key string, it *item) Fate {
	var f Fate
	if it.lane > 0 {
		f.Lane, f.Why = time.Now().Add(it.lane), "lane"
	}
	if len(it.fails) > 0 {
		f.Again, f.Why = time.Now().Add(it.fails[0]), "fails"
		it.fails = it.fails[1:]
		return f
	}
	f.Finished = true
	d.done = append(d.done, key+"/"+it.id)
	return f
}

func (d *desk) note(record *[]string, key string, it *item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*record = append(*record, key+"/"+it.id)
}

// sums reads how many items are done, how many handlers ever ran at once, and how often two ran in one key.
func (d *desk) sums() (done, peak, overlaps int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.done), d.peak, d.overlaps
}

// put puts items that must be taken without blocking.
func (d *desk) put(t *testing.T, key string, items ...*item) {
	t.Helper()
	for _, it := range items {
		before := time.Now()
		if err := d.tryPut(t.Context(), key, it); err != nil {
			t.Fatalf("Put(%s/%s) = %v", key, it.id, err)
		}
		if took := time.Since(before); took != 0 {
			t.Fatalf("Put(%s/%s) blocked for %v", key, it.id, took)
		}
	}
}

func (d *desk) tryPut(ctx context.Context, key string, it *item) error {
	number, _ := strconv.ParseInt(it.id, 10, 64)
	return d.Put(ctx, Arrival[*item]{
		Key: key, ID: it.id, Stream: it.stream, Number: number, Done: it.done, Bytes: max(1, it.bytes), Item: it,
	})
}

// later puts an item from a goroutine of its own and returns what says when and how the Put ended.
func (d *desk) later(ctx context.Context, key string, it *item) *pending {
	p := &pending{begun: time.Now()}
	go func() {
		err := d.tryPut(ctx, key, it)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended, p.err, p.took = true, err, time.Since(p.begun)
	}()
	synctest.Wait()
	return p
}

// pending is a Put under way.
type pending struct {
	begun time.Time

	mu    sync.Mutex // guards the fields below
	ended bool
	err   error
	took  time.Duration
}

func (p *pending) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.ended:
		return "blocks"
	case p.err != nil:
		return fmt.Sprintf("%v after %v", p.err, p.took)
	default:
		return fmt.Sprintf("taken after %v", p.took)
	}
}

// pass lets time go by, and everything that happens in it happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// expect compares a record of the desk with what it should be, written with spaces (calls: with commas) between.
func (d *desk) expect(t *testing.T, what string, record *[]string, want string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	between := " "
	if record == &d.calls || record == &d.asked {
		between = ", "
	}
	if got := strings.Join(*record, between); got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// expectEmpty sees to it that nothing is left.
func (d *desk) expectEmpty(t *testing.T) {
	t.Helper()
	if items, bytes, lanes := d.Held(); items != 0 || bytes != 0 || lanes != 0 {
		t.Errorf("still held: %d items, %d bytes, %d lanes", items, bytes, lanes)
	}
	audit(t, d.Lanes)
}

// story runs a test in a bubble and audits the lanes at its end.
func story(t *testing.T, change func(*Config[*item]), tell func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(change)
		tell(t, d)
		audit(t, d.Lanes)
		d.Stop()
		d.expectEmpty(t)
	})
}

// ids makes n items with numbers for names.
func ids(n int, shape func(i int, it *item)) []*item {
	items := make([]*item, n)
	for i := range items {
		items[i] = &item{id: fmt.Sprint(i + 1)}
		if shape != nil {
			shape(i, items[i])
		}
	}
	return items
}
