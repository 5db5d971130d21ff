package main

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const moduleDirectory = "../../terraform"

// module is the Terraform module of the deployment, understood as far as that goes without Terraform and Google's
// provider: variables have their defaults, and what only a provider knows is left out.
type module struct {
	blocks []*hclsyntax.Block
	eval   *hcl.EvalContext
}

// readModule reads the module with the defaults of its variables and these values of others.
func readModule(t *testing.T, values map[string]cty.Value) *module {
	t.Helper()
	files, err := filepath.Glob(moduleDirectory + "/*.tf")
	must(t, err)
	m, parser := &module{}, hclparse.NewParser()
	for _, file := range files {
		parsed, diagnostics := parser.ParseHCLFile(file)
		if diagnostics.HasErrors() {
			t.Fatal(diagnostics)
		}
		m.blocks = append(m.blocks, parsed.Body.(*hclsyntax.Body).Blocks...)
	}
	m.eval = &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": m.defaults(values)},
		Functions: map[string]function.Function{"floor": stdlib.FloorFunc},
	}
	m.resolve()
	return m
}

// defaults is the object var.
func (m *module) defaults(values map[string]cty.Value) cty.Value {
	all := map[string]cty.Value{}
	for _, b := range m.of("variable") {
		if a := b.Body.Attributes["default"]; a != nil {
			all[b.Labels[0]], _ = a.Expr.Value(nil)
		}
	}
	maps.Copy(all, values)
	return cty.ObjectVal(all)
}

// resolve adds the names of resources and the locals, whatever order they depend on each other in. Those that need more
// than can be known here stay out.
func (m *module) resolve() {
	locals, resources := map[string]cty.Value{}, map[string]map[string]cty.Value{}
	for range 5 { // how deep locals are built on locals
		for _, b := range m.of("locals") {
			for name, a := range b.Body.Attributes {
				if v, diagnostics := a.Expr.Value(m.eval); !diagnostics.HasErrors() {
					locals[name] = v
				}
			}
		}
		for _, b := range m.of("resource") {
			if a := b.Body.Attributes["name"]; a != nil && b.Body.Attributes["for_each"] == nil {
				if v, diagnostics := a.Expr.Value(m.eval); !diagnostics.HasErrors() {
					if resources[b.Labels[0]] == nil {
						resources[b.Labels[0]] = map[string]cty.Value{}
					}
					resources[b.Labels[0]][b.Labels[1]] = cty.ObjectVal(map[string]cty.Value{"name": v})
				}
			}
		}
		m.eval.Variables["local"] = cty.ObjectVal(locals)
		for kind, named := range resources {
			m.eval.Variables[kind] = cty.ObjectVal(named)
		}
	}
}

// of is the blocks of a kind.
func (m *module) of(kind string) (all []*hclsyntax.Block) {
	for _, b := range m.blocks {
		if b.Type == kind {
			all = append(all, b)
		}
	}
	return all
}

// name is the name that a resource gets.
func (m *module) name(t *testing.T, kind, label string) string {
	t.Helper()
	for _, b := range m.of("resource") {
		if b.Labels[0] == kind && b.Labels[1] == label {
			v, diagnostics := b.Body.Attributes["name"].Expr.Value(m.eval)
			if diagnostics.HasErrors() {
				t.Fatal(diagnostics)
			}
			return v.AsString()
		}
	}
	t.Fatalf("the module has no %s.%s", kind, label)
	return ""
}

// local is a value of locals.
func (m *module) local(t *testing.T, name string) cty.Value {
	t.Helper()
	all := m.eval.Variables["local"]
	if !all.Type().HasAttribute(name) {
		t.Fatalf("local.%s cannot be understood here, or there is none", name)
	}
	return all.GetAttr(name)
}

// keys are those of an object as it is written, whatever its values need.
func (m *module) keys(t *testing.T, block, attribute string) (all []string) {
	t.Helper()
	for _, b := range m.blocks {
		a := b.Body.Attributes[attribute]
		if strings.Join(append([]string{b.Type}, b.Labels...), ".") != block || a == nil {
			continue
		}
		_ = hclsyntax.VisitAll(a.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
			if o, ok := n.(*hclsyntax.ObjectConsExpr); ok {
				for _, item := range o.Items {
					if key, diagnostics := item.KeyExpr.Value(nil); !diagnostics.HasErrors() {
						all = append(all, key.AsString())
					}
				}
			}
			return nil
		})
	}
	if len(all) == 0 {
		t.Fatalf("the module has no keys in %s of %s", attribute, block)
	}
	return all
}

// deployed is the module with what every deployment has to say, and everything that can be asked for.
func deployed(t *testing.T) *module {
	t.Helper()
	return readModule(t, map[string]cty.Value{
		"project_id":   cty.StringVal("example-project"),
		"region":       cty.StringVal("europe-west1"),
		"image":        cty.StringVal("example.com/worker@sha256:0"),
		"archive_days": cty.NumberIntVal(90),
	})
}
