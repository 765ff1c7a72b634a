"""From raw text to plain text: encoding, markup, boilerplate, wrapped lines, personal data."""
