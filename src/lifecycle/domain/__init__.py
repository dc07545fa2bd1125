"""The rules, pure: dates, money, plans, machines and decisions. No input or output."""
