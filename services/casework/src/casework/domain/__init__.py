"""Pure rules of casework: what a dossier must say, and what a step of the case does. No input or output happens in here."""
