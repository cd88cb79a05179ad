// Build makes web/dist of the sources in web: go generate ./web. Its output is committed.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// run builds in the directory web, anew.
func run(web string) error {
	files, err := build(web)
	if err != nil {
		return err
	}
	dist := filepath.Join(web, "dist")
	if err := errors.Join(os.RemoveAll(dist), os.Mkdir(dist, 0o755)); err != nil {
		return err
	}
	for name, body := range files {
		small, err := compress(body)
		if err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		for ext, b := range small {
			if err := os.WriteFile(filepath.Join(dist, name+ext), b, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// worth is from how many octets on a file is compressed.
const worth = 600

// compress returns the forms of a file by what their names end in.
func compress(body []byte) (map[string][]byte, error) {
	forms := map[string][]byte{"": body}
	if len(body) < worth {
		return forms, nil
	}
	var gz, br bytes.Buffer
	z, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	b := brotli.NewWriterLevel(&br, brotli.BestCompression)
	for _, w := range []io.WriteCloser{z, b} {
		_, err := w.Write(body)
		if err := errors.Join(err, w.Close()); err != nil {
			return nil, err
		}
	}
	forms[".gz"], forms[".br"] = gz.Bytes(), br.Bytes()
	return forms, nil
}

// entries are the files that pages ask for; what these load is beside them.
var entries = []string{"src/app/app.js", "src/app/seckey.js", "src/style/app.css"}

// outer are the names of a window that the editor uses.
const outer = "window, document, navigator, Node, Element, HTMLElement, Text, CharacterData, DocumentFragment, Event, CustomEvent, InputEvent, Range, " +
	"HTMLAnchorElement, HTMLDivElement, HTMLImageElement, HTMLInputElement, HTMLLIElement, HTMLOListElement"

// within makes a function of the module of the editor, which gives the editor of a window:
// it is written for the window that its script is in, and is used in a frame that has no
// scripts. What it calls document or Node is that of the window it is given.
var within = api.Plugin{Name: "within", Setup: func(b api.PluginBuild) {
	b.OnLoad(api.OnLoadOptions{Filter: `/vendor/squire/squire-raw\.mjs$`}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		text, err := os.ReadFile(a.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		body, ok := strings.CutSuffix(strings.TrimSpace(string(text)), "export {\n  Squire_default as default\n};")
		if !ok {
			return api.OnLoadResult{}, fmt.Errorf("%s does not end as expected", a.Path)
		}
		whole := "export default ({" + outer + "}) => {\n" + body + "\nreturn Squire_default;\n};\n"
		return api.OnLoadResult{Contents: &whole, Loader: api.LoaderJS}, nil
	})
}}

// build returns the files of dist by name.
func build(web string) (map[string][]byte, error) {
	root, err := filepath.Abs(web)
	if err != nil {
		return nil, err
	}
	o := api.BuildOptions{
		AbsWorkingDir:     root,
		EntryPoints:       entries,
		Outdir:            "dist",
		EntryNames:        "[name]",
		ChunkNames:        "[name]-[hash]",
		AssetNames:        "[name]",
		Bundle:            true,
		Splitting:         true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		Charset:           api.CharsetUTF8,
		LogLevel:          api.LogLevelSilent,
		Plugins:           []api.Plugin{within},
		Engines: []api.Engine{ // whose styles are written out; light-dark() and nesting stay as they are
			{Name: api.EngineChrome, Version: "125"}, {Name: api.EngineFirefox, Version: "128"}, {Name: api.EngineSafari, Version: "17.5"},
		},
	}
	result := api.Build(o)
	for _, m := range slices.Concat(result.Errors, result.Warnings) {
		err = errors.Join(err, errors.New(strings.TrimSpace(fmt.Sprint(m.Location, m.Text))))
	}
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, f := range result.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	files["icons.svg"], err = sprite(filepath.Join(root, "src/icons"))
	return files, err
}

// sprite makes one picture of all: each is drawn on a square of 24 units with strokes of
// the text's colour, and used by its name.
func sprite(dir string) ([]byte, error) {
	list, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".svg")
		inner, ok := strings.CutPrefix(strings.TrimSpace(string(text)), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor">`)
		inner, end := strings.CutSuffix(inner, "</svg>")
		if !ok || !end {
			return nil, fmt.Errorf("%s does not begin and end like the others", path)
		}
		fmt.Fprintf(&out, `<symbol id="%s" viewBox="0 0 24 24">%s</symbol>`, name, inner)
	}
	out.WriteString("</svg>\n")
	return out.Bytes(), nil
}
