// Shows the OpenAPI document that this host serves. `telemetry` and fonts from elsewhere stay off.
Redoc.init("/api/v1/openapi.json", { hideHostname: true, disableSearch: false, nativeScrollbars: true, hideLoading: true }, document.getElementById("reference"));
