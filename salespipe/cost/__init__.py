"""What the pipeline costs on AWS: list prices with their date, and the services' own rounding rules."""
