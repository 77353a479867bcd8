"""A cohort that someone downloaded, through the whole chain: films, CTs and figures against measured densities."""
