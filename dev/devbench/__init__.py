"""A whole Frappe bench on one machine, made from package registries only.

Everything a bench needs lives in one folder, `.bench/` of the checkout:

    env/      virtual environment: Frappe's requirements, memora (editable), weed
    apps/     frappe and memora
    sites/    common_site_config.json and one folder a site
    config/   ports and secrets of this bench, server configurations, finished steps
    data/     MariaDB, Redis, S3
    logs/     one file a process
    run/      pid files, locks

    entry -> cli -> start | testing -> build, site -> supervisor -> services -> processes

Standard library only; `web` and `site_setup` run inside the bench's own environment.
"""
