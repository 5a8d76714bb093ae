network  = "10.20.0.0/16"
image_id = "ami-of-staging"
