from django.urls import path

from reserves.api import views

urlpatterns = [
    path("reserves", views.ReservesView.as_view(), name="api-reserves"),
    path("reserves/reports", views.ReportsView.as_view(), name="api-reserve-reports"),
    path("reserves/reports/<str:symbol>/<int:sequence>", views.ReportView.as_view(), name="api-reserve-report"),
    path(
        "reserves/reports/<str:symbol>/<int:sequence>/<str:name>",
        views.ReportFileView.as_view(),
        name="api-reserve-report-file",
    ),
    path("reserves/proofs/<str:symbol>/<str:address>", views.ProofView.as_view(), name="api-reserve-proof"),
]
