"""`sluice tune`: a better reranker from one's own labels, promoted only if it wins (docs/tuning-a-reranker.md)."""
