// Package graph serves the schema: resolvers, loaders, limits and errors.
package graph

//go:generate go run -C .. ./internal/codegen
