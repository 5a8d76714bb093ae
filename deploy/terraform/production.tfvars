network   = "10.10.0.0/16"
web_count = 2
image_id  = "ami-of-production"
