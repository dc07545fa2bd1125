"""What customers are written: a subject, a text and a page of HTML for each occasion. It reads its templates only."""
