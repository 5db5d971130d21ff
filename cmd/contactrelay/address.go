package main

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// hostName is what DNS and the likes of Docker take for the name of a host.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// validHost reports whether host is an IP address or can be a name.
func validHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || len(host) <= 253 && hostName.MatchString(host)
}

// validPort reports whether port is a number from least to 65535.
func validPort(port string, least uint64) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n >= least
}

// checkVariableAddress notes a fault of a variable of the environment that is to say where a service is. The value is
// not shown: it may be a URL with a password.
func checkVariableAddress(f *settingFaults, variable, address string) (ok bool) {
	host, port, err := net.SplitHostPort(address)
	if ok = err == nil && validHost(host) && validPort(port, 1); !ok {
		f.variable(variable, "must be host:port, such as 127.0.0.1:8085, without http://")
	}
	return ok
}

// checkListen notes a fault of a flag that says where to listen; empty is nowhere, port 0 any that is free.
func checkListen(f *settingFaults, flag, address string) {
	if address == "" {
		return
	}
	host, port, err := net.SplitHostPort(address)
	f.require(err == nil && (host == "" || validHost(host)) && validPort(port, 0), flag,
		"must be [host]:port, such as :8080 or 127.0.0.1:8080, with a port up to 65535")
}

// parseEndpoint reads the address of a service over HTTP. The value is not shown: it may have a password.
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !validHost(u.Hostname()) ||
		u.Port() != "" && !validPort(u.Port(), 1) || strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("must be http://host[:port] or https://host[:port]")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must be http(s)://host[:port] alone, without user, password, query or fragment")
	}
	return u, nil
}

// isGoogle reports whether a host is one of Google's services.
func isGoogle(host string) bool {
	return strings.HasSuffix("."+strings.TrimSuffix(strings.ToLower(host), "."), ".googleapis.com")
}
