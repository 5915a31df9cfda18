"""REST: sessions, what can be chosen, and the page. One table of routes feeds the router and the OpenAPI."""
