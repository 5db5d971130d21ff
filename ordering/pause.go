package ordering

// Pause keeps handlers from starting, until Resume: everything waits for the same reason. Put blocks for room only.
// Calls that run end as ever. Both are harmless when called again.
func (l *Lanes[T]) Pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = true
	for key := range l.doors {
		l.answerDoor(key) // no lane is crowded now
	}
	l.proceed()
}

// Resume ends a Pause.
func (l *Lanes[T]) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = false
	l.proceed()
}

// Limit lets at most so many handlers run at once from now on, but never more than Config.MaxCalls. Those that run more
// end as ever.
func (l *Lanes[T]) Limit(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = min(calls, l.config.MaxCalls)
	l.proceed()
}

// Probe starts one handler while the lanes are paused, of the lane that has been ready for longest among those that
// prefer likes, else among all, and reports whether there was any. A lane whose probe has ended stands behind the others
// again. Prefer is called with the lanes locked: it must neither block nor call the lanes.
func (l *Lanes[T]) Probe(prefer func(key string) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.paused || l.stopping || l.running >= l.config.MaxCalls || l.ready.len() == 0 {
		return false
	}
	var liked *lane[T]
	for range l.ready.len() { // once round, which leaves their order as it is
		ln := l.ready.pop()
		if liked == nil && prefer(ln.key) {
			liked = ln
			continue
		}
		l.ready.push(ln)
	}
	if liked == nil {
		liked = l.ready.pop()
	}
	l.begin(liked)
	return true
}
