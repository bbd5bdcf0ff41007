"""augrad-graph: graph transforms that augrad learns. Found through the entry point `augrad_graph.plugin`."""
