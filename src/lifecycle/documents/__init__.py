"""Invoices and credit notes as customers get them: a page and a PDF, in the same words. It reads its templates only."""
