from django.urls import path

from minting import views

urlpatterns = [
    path("orders/<uuid:order_id>/receipt.json", views.order_receipt, name="order-receipt"),
    path("profile/export.json", views.data_export, name="data-export"),
    path("receipts/verify/", views.receipt_verifier, name="receipt-verifier"),
    path("receipts/verify/download", views.receipt_verifier_download, name="receipt-verifier-download"),
]
