"""Everything of the browser app that is not a page: frame, session, inputs, outputs, viewer."""
