package pubsubsim

import (
	"cmp"
	"slices"
	"time"
)

// some returns some of the last deliveries, stale ones among them.
func (m *model) some() pile {
	var p pile
	share := m.rng.Float64()
	for _, d := range m.given[max(0, len(m.given)-40):] {
		if m.rng.Float64() < share {
			p = append(p, Delivery{AckID: d.ackID})
		}
	}
	m.rng.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

func (m *model) sorted(p pile) []*modelDelivery {
	ds := make([]*modelDelivery, len(p))
	for i := range p {
		ds[i] = m.byID[p[i].AckID]
	}
	slices.SortFunc(ds, func(a, b *modelDelivery) int { return cmp.Compare(a.index, b.index) })
	return ds
}

func (m *model) ackSome() {
	p := m.some()
	if len(p) == 0 {
		return
	}
	m.ack(p)
	for _, d := range m.sorted(p) {
		switch {
		case !d.live:
			m.want.StaleAckIDs++
			d.gone = true
		case d.index != d.key.acked:
			m.want.DroppedAcks++
		default:
			m.want.Acks++
			d.key.acked++
			d.live, d.gone = false, true
		}
	}
}

func (m *model) nackSome() {
	p := m.some()
	if len(p) == 0 {
		return
	}
	m.nack(p)
	for _, d := range slices.Backward(m.sorted(p)) {
		if d.live {
			m.want.Nacks++
			m.fail(d, time.Now())
		} else {
			m.want.StaleAckIDs++
			d.gone = true
		}
	}
}

func (m *model) extendSome() {
	p := m.some()
	if len(p) == 0 {
		return
	}
	by := time.Duration(1+m.rng.IntN(30)) * time.Second
	m.extend(p, by)
	for _, d := range m.sorted(p) {
		if d.live {
			d.expires = time.Now().Add(by)
		}
	}
}

// expire ends the leases that ran out, in the order in which they did.
func (m *model) expire() {
	var over []*modelDelivery
	for _, d := range m.given {
		if !d.gone && !d.expires.After(time.Now()) {
			over = append(over, d)
		}
	}
	slices.SortStableFunc(over, func(a, b *modelDelivery) int { return a.expires.Compare(b.expires) })
	for _, d := range over {
		if d.live {
			m.want.ExpiredLeases++
			m.fail(d, d.expires)
		}
		d.gone = true
	}
}

// fail has a message and all that was delivered after it delivered again.
func (m *model) fail(d *modelDelivery, at time.Time) {
	d.gone = true
	for _, x := range m.given {
		if x.key == d.key && x.index >= d.index {
			x.live = false
		}
	}
	d.key.next = d.index
	if nap := at.Add(defaultRedeliveryDelay); nap.After(d.key.nap) {
		d.key.nap = nap
	}
}
