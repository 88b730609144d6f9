"""`fer-edge score`: the faces of an archive as Parquet, on one computer or many."""
